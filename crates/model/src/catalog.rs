//! A snapshot of a database catalog: what the schema *is*, free of oids and of the order of creation.
//!
//! Every list is sorted by name, so two snapshots of equal schemas are equal values. System
//! schemas, temporary objects, and objects that belong to an extension are left out.

use serde::{Deserialize, Serialize};

/// The whole snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each list is named after what it holds")]
pub struct Catalog {
    pub schemas: Vec<Schema>,
    pub extensions: Vec<Extension>,
    pub roles: Vec<Role>,
    pub tables: Vec<Table>,
    pub views: Vec<View>,
    pub sequences: Vec<Sequence>,
    pub types: Vec<Type>,
    pub functions: Vec<Function>,
    pub grants: Vec<Grant>,
    pub others: Vec<Other>,
}

/// A schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are the catalog's own words")]
pub struct Schema {
    pub name: String,
    pub owner: String,
    pub comment: Option<String>,
}

/// An installed extension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are the catalog's own words")]
pub struct Extension {
    pub name: String,
    pub version: String,
    pub schema: String,
}

/// A role of the cluster that is not PostgreSQL's own (`pg_…`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are the catalog's own words")]
pub struct Role {
    pub name: String,
    pub superuser: bool,
    pub login: bool,
    pub create_role: bool,
    pub create_db: bool,
    pub bypass_rls: bool,
    pub member_of: Vec<String>,
    /// `ALTER ROLE … SET` entries as `name=value`.
    pub settings: Vec<String>,
}

/// An ordinary, partitioned or foreign table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `table`, `partitioned`, `partition` or `foreign`.
    pub kind: String,
    /// Owner.
    pub owner: String,
    /// `UNLOGGED`.
    pub unlogged: bool,
    /// Storage parameters as `name=value`; those of the TOAST table begin with `toast.`. Also
    /// `access_method`, `tablespace`, `replica_identity` and `of_type` where they are not the default.
    pub options: Vec<String>,
    /// Row-level security is enabled.
    pub row_security: bool,
    /// Row-level security binds the owner too.
    pub row_security_forced: bool,
    /// `PARTITION BY …` of a partitioned table.
    pub partition_key: Option<String>,
    /// `schema.table` of the parent and the bound, of a partition.
    pub partition_of: Option<String>,
    /// `schema.table` of each parent of plain inheritance.
    pub inherits: Vec<String>,
    /// COMMENT.
    pub comment: Option<String>,
    /// In order of position.
    pub columns: Vec<Column>,
    /// Primary key, unique, foreign key, check and exclusion constraints.
    pub constraints: Vec<Constraint>,
    /// All indexes, those of constraints included.
    pub indexes: Vec<Index>,
    /// User triggers.
    pub triggers: Vec<Trigger>,
    /// Row-level security policies.
    pub policies: Vec<Policy>,
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type as `format_type` prints it, such as `numeric(12,2)` or `text[]`.
    pub type_name: String,
    /// Type below domains and without modifier, as `typname` has it: `int8`, `text`, `varchar`, `_text`.
    pub base_type: String,
    /// `pg_type.typcategory` of the base type (`N` numeric, `S` string, `B` boolean, `D` date/time, `A` array, …).
    pub type_category: String,
    /// Name of the domain, when the type is one.
    pub domain: Option<String>,
    /// NOT NULL is declared (on the column or its domain).
    pub not_null: bool,
    /// DEFAULT expression as the server prints it.
    pub default: Option<String>,
    /// `always` or `by default`, for identity columns.
    pub identity: Option<String>,
    /// Expression of a GENERATED column.
    pub generated: Option<String>,
    /// Collation, when not the type's default.
    pub collation: Option<String>,
    /// What else was set away from the default, as `name=value`: `storage`, `compression`, `statistics`,
    /// `n_distinct`, and `generated=virtual` for a generated column that is not stored.
    pub options: Vec<String>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// A table constraint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Constraint {
    /// Name.
    pub name: String,
    /// What kind.
    pub kind: ConstraintKind,
    /// Its columns, in order; empty for checks over no column.
    pub columns: Vec<String>,
    /// `pg_get_constraintdef`.
    pub definition: String,
    /// Of a foreign key: what it refers to.
    pub reference: Option<Reference>,
    /// False for `NOT VALID`.
    pub validated: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// COMMENT.
    pub comment: Option<String>,
}

/// The kinds of table constraint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the SQL word itself")]
pub enum ConstraintKind {
    PrimaryKey,
    Unique,
    ForeignKey,
    #[default]
    Check,
    Exclusion,
}

/// The far side of a foreign key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// Schema of the referenced table.
    pub schema: String,
    /// The referenced table.
    pub table: String,
    /// Referenced columns, in the order of the referencing ones.
    pub columns: Vec<String>,
    /// `NO ACTION`, `RESTRICT`, `CASCADE`, `SET NULL` or `SET DEFAULT`.
    pub on_delete: String,
    /// The same for updates.
    pub on_update: String,
}

/// An index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Index {
    /// Name.
    pub name: String,
    /// `pg_get_indexdef`.
    pub definition: String,
    /// Access method, such as `btree`.
    pub method: String,
    /// Key columns or expressions, in order.
    pub keys: Vec<String>,
    /// INCLUDE columns.
    pub include: Vec<String>,
    /// WHERE of a partial index.
    pub predicate: Option<String>,
    /// UNIQUE.
    pub unique: bool,
    /// `NULLS NOT DISTINCT` (15 and later).
    pub nulls_not_distinct: bool,
    /// Belongs to the primary key.
    pub primary: bool,
    /// Name of the constraint that owns it.
    pub constraint: Option<String>,
    /// False after a failed `CREATE INDEX CONCURRENTLY`.
    pub valid: bool,
    /// COMMENT.
    pub comment: Option<String>,
}

/// A trigger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trigger {
    /// Name.
    pub name: String,
    /// `pg_get_triggerdef`.
    pub definition: String,
    /// `schema.function` that it runs.
    pub function: String,
    /// `pg_trigger.tgenabled` is not `D`.
    pub enabled: bool,
    /// `always` or `replica`, when set by `ENABLE ALWAYS` or `ENABLE REPLICA`.
    pub firing: Option<String>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// A row-level security policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Name.
    pub name: String,
    /// `ALL`, `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    pub command: String,
    /// `PERMISSIVE`.
    pub permissive: bool,
    /// Roles it applies to; `public` for all.
    pub roles: Vec<String>,
    /// USING expression.
    pub using: Option<String>,
    /// WITH CHECK expression.
    pub with_check: Option<String>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// A view or materialized view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// MATERIALIZED.
    pub materialized: bool,
    /// Owner.
    pub owner: String,
    /// `pg_get_viewdef`.
    pub definition: String,
    /// Options as `name=value`, such as `security_barrier=true`.
    pub options: Vec<String>,
    /// Column names in order.
    pub columns: Vec<String>,
    /// Tables and views it reads, as `schema.name`.
    pub reads: Vec<String>,
    /// Indexes of a materialized view.
    pub indexes: Vec<Index>,
    /// User triggers (`INSTEAD OF`).
    pub triggers: Vec<Trigger>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// A sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sequence {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Owner.
    pub owner: String,
    /// Data type, such as `bigint`.
    pub type_name: String,
    /// `start/increment/min/max/cache/cycle` as one text.
    pub parameters: String,
    /// Largest value it can give.
    pub max_value: i64,
    /// `schema.table.column` that owns it.
    pub owned_by: Option<String>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// An enum, domain, composite or range type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Type {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `enum`, `domain`, `composite` or `range`.
    pub kind: String,
    /// Owner.
    pub owner: String,
    /// Labels, base type with checks, attributes, or subtype.
    pub definition: String,
    /// COMMENT.
    pub comment: Option<String>,
}

/// A function or procedure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Function {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `pg_get_function_identity_arguments`.
    pub arguments: String,
    /// Owner.
    pub owner: String,
    /// Language.
    pub language: String,
    /// `function`, `procedure`, `aggregate` or `window`.
    pub kind: String,
    /// SECURITY DEFINER.
    pub security_definer: bool,
    /// `immutable`, `stable` or `volatile`.
    pub volatility: String,
    /// `SET name=value` clauses.
    pub settings: Vec<String>,
    /// `pg_get_functiondef`; for aggregates the source.
    pub definition: String,
    /// COMMENT.
    pub comment: Option<String>,
}

/// One privilege that a role other than the owner holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Grant {
    /// `schema`, `table`, `column`, `sequence`, `function`, `type` or `database`; `default table` and the
    /// like for `ALTER DEFAULT PRIVILEGES`.
    pub on: String,
    /// Object as `schema.name` (with arguments for functions, with `.column` for columns); `current` for the
    /// database, whose name is no part of the schema; `role` or `role in schema` for default privileges.
    pub object: String,
    /// Role that holds it; `public` for everybody.
    pub grantee: String,
    /// Privilege, such as `SELECT`.
    pub privilege: String,
    /// WITH GRANT OPTION.
    pub grantable: bool,
}

/// An object of a kind without a list of its own: compared, not understood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Other {
    /// `rule`, `statistics`, `event trigger`, `publication`, `collation`, `text search configuration`, …
    pub kind: String,
    /// Name with its schema, where the kind lives in one.
    pub name: String,
    /// Everything that makes it what it is, as text.
    pub definition: String,
}

impl Catalog {
    /// Returns a table by schema and name.
    pub fn table(&self, schema: &str, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.schema == schema && table.name == name)
    }

    /// Returns every foreign key with the table that declares it.
    pub fn foreign_keys(&self) -> impl Iterator<Item = (&Table, &Constraint, &Reference)> {
        self.tables.iter().flat_map(|table| {
            table
                .constraints
                .iter()
                .filter_map(move |constraint| Some((table, constraint, constraint.reference.as_ref()?)))
        })
    }
}

impl Table {
    /// Returns a column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the primary key's columns; empty when there is none.
    pub fn primary_key(&self) -> &[String] {
        self.constraints
            .iter()
            .find(|constraint| constraint.kind == ConstraintKind::PrimaryKey)
            .map_or(&[], |constraint| &constraint.columns)
    }

    /// Returns `schema.name`, quoted for SQL.
    pub fn quoted(&self) -> String {
        crate::sql_text::quote_qualified(&self.schema, &self.name)
    }
}
