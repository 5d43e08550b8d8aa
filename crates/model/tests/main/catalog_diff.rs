//! Differences between two catalogs.

use underpin_model::catalog::{Catalog, Column, Table};
use underpin_model::catalog_diff::{Difference, catalog_diff};

fn catalog(type_name: &str, tables: &[&str]) -> Catalog {
    let column = Column { name: "id".into(), type_name: type_name.into(), ..Column::default() };
    let table = |name: &&str| Table {
        schema: "public".into(),
        name: (*name).into(),
        columns: vec![column.clone()],
        ..Table::default()
    };
    Catalog { tables: tables.iter().map(table).collect(), ..Catalog::default() }
}

#[test]
fn equal_catalogs_do_not_differ() {
    assert_eq!(catalog_diff(&catalog("bigint", &["a"]), &catalog("bigint", &["a"])), vec![]);
}

#[test]
fn a_changed_column_is_named_with_both_values() {
    let differences = catalog_diff(&catalog("bigint", &["a"]), &catalog("integer", &["a"]));
    let expected = Difference::Changed {
        object: "table public.a column id".into(),
        attribute: "type_name".into(),
        left: "bigint".into(),
        right: "integer".into(),
    };
    assert_eq!(differences, vec![expected]);
}

#[test]
fn a_missing_table_shows_with_its_columns() {
    let differences = catalog_diff(&catalog("bigint", &["a"]), &catalog("bigint", &["a", "b"]));
    let expected = ["table public.b", "table public.b column id"];
    assert_eq!(differences, expected.map(|name| Difference::OnlyRight(name.into())).to_vec());
}
