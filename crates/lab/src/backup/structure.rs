//! What a database is beside its rows: encoding, collation, and the whole catalog with owners and privileges.

use serde::{Deserialize, Serialize};
use underpin_model::catalog::{Catalog, Grant};
use underpin_model::catalog_diff::{Difference, catalog_diff};
use underpin_model::sql_text::{quote_identifier, quote_literal};
use underpin_pg::Session;
use underpin_sql::definition::same_after_parsing;

use super::BackupError;
use crate::proofs::replay::describe;

/// What `CREATE DATABASE` must say so that text sorts and compares as it did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseForm {
    /// Such as `UTF8`.
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// `c` for the C library, `i` for ICU, `b` for built in; always `c` before 15.
    pub provider: String,
    /// The provider's locale, where it is not the C library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// Reads the session's database; inside its transaction, so that rows and catalog are of one moment.
pub(super) async fn read(session: &Session) -> Result<(DatabaseForm, Catalog), BackupError> {
    let catalog = underpin_pg::catalog::snapshot(session).await.map_err(BackupError::Catalog)?;
    // Later versions have further columns; as JSON an absent one is NULL.
    let rows = session
        .rows(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype, coalesce(to_jsonb(d)->>'datlocprovider', 'c'),
                    coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale')
               FROM pg_database d WHERE datname = current_database()",
        )
        .await
        .map_err(BackupError::Ask)?;
    let cell = |at: usize| rows.first().and_then(|row| row.at(at)).map(str::to_owned);
    let text = |at: usize| cell(at).unwrap_or_default();
    let form = DatabaseForm {
        encoding: text(0),
        collate: text(1),
        ctype: text(2),
        provider: text(3),
        locale: cell(4),
    };
    Ok((form, catalog))
}

impl DatabaseForm {
    /// Returns the statement that makes such a database.
    pub(super) fn create(&self, name: &str) -> String {
        let mut sql = format!(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
            quote_identifier(name),
            quote_literal(&self.encoding),
            quote_literal(&self.collate),
            quote_literal(&self.ctype)
        );
        if let Some(locale) = &self.locale {
            let (provider, word) =
                if self.provider == "i" { ("icu", "ICU_LOCALE") } else { ("builtin", "BUILTIN_LOCALE") };
            sql.push_str(&format!(" LOCALE_PROVIDER {provider} {word} {}", quote_literal(locale)));
        }
        sql
    }

    fn differences(&self, other: &DatabaseForm) -> Vec<String> {
        let none = || "none".to_owned();
        [
            ("encoding", self.encoding.clone(), other.encoding.clone()),
            ("collation", self.collate.clone(), other.collate.clone()),
            ("character classes", self.ctype.clone(), other.ctype.clone()),
            ("locale provider", self.provider.clone(), other.provider.clone()),
            ("locale", self.locale.clone().unwrap_or_else(none), other.locale.clone().unwrap_or_else(none)),
        ]
        .into_iter()
        .filter(|(_, one, other)| one != other)
        .map(|(what, one, other)| format!("database: {what} {one} became {other}"))
        .collect()
    }
}

/// Returns the statements for privileges on the database itself, which a dump restored under another name leaves out.
pub(super) fn database_grants(catalog: &Catalog, name: &str) -> Vec<String> {
    let own: Vec<&Grant> = catalog.grants.iter().filter(|grant| grant.on == "database").collect();
    let database = quote_identifier(name);
    let mut sql = vec![format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC")];
    sql.extend(own.iter().map(|grant| {
        let to = match grant.grantee.as_str() {
            "public" => "PUBLIC".to_owned(),
            role => quote_identifier(role),
        };
        let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
        format!("GRANT {} ON DATABASE {database} TO {to}{option}", grant.privilege)
    }));
    sql
}

/// Returns each difference, as words; roles that only the target has and versions of extensions are its own business.
pub(super) fn differences(
    (form, catalog): (&DatabaseForm, &Catalog),
    (found_form, found): (&DatabaseForm, &Catalog),
) -> Vec<String> {
    let mut all = form.differences(found_form);
    let differs = catalog_diff(catalog, found);
    all.extend(
        differs.iter().filter(|one| counts(one)).map(|one| describe(one, "backup", "restored database")),
    );
    all
}

fn counts(difference: &Difference) -> bool {
    match difference {
        Difference::OnlyLeft(_) => true,
        Difference::OnlyRight(object) => !object.starts_with("role "),
        Difference::Changed { object, left, right, .. } => {
            // A role that exists already is kept as it is.
            !object.starts_with("role ")
                && !object.starts_with("extension ")
                && !same_after_parsing(left, right)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(collate: &str) -> DatabaseForm {
        DatabaseForm {
            encoding: "UTF8".to_owned(),
            collate: collate.to_owned(),
            ctype: "C.UTF-8".to_owned(),
            provider: "c".to_owned(),
            locale: None,
        }
    }

    #[test]
    fn another_collation_is_a_difference() {
        let words =
            differences((&form("de_DE.UTF-8"), &Catalog::default()), (&form("C"), &Catalog::default()));
        assert_eq!(words, ["database: collation de_DE.UTF-8 became C"]);
        assert!(form("C").create("shop").ends_with("ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"));
    }
}
