//! Tests of the facts, one statement a line.

use underpin_model::statement::{Access, Verb};

use super::statement_facts;

/// Returns the facts as a line: verb, node, relations as `r:`, `w:` or `d:` and name.
fn line(sql: &str) -> String {
    let facts = statement_facts(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let relation = |relation: &underpin_model::statement::RelationUse| {
        let access = match relation.access {
            Access::Read => "r",
            Access::Write => "w",
            Access::Define => "d",
        };
        let schema = relation.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
        format!(" {access}:{schema}{}", relation.name)
    };
    let relations: String = facts.relations.iter().map(relation).collect();
    format!("{:?} {}{relations}", facts.verb, facts.node)
}

#[test]
fn queries_read() {
    assert_eq!(
        line("SELECT * FROM a JOIN s.b USING (x), LATERAL (SELECT 1 FROM c) q"),
        "Select SelectStmt r:a r:c r:s.b"
    );
    assert_eq!(
        line("SELECT 1 WHERE EXISTS (SELECT FROM a) AND 1 IN (SELECT x FROM b)"),
        "Select SelectStmt r:a r:b"
    );
    assert_eq!(
        line("SELECT * FROM a UNION SELECT * FROM b TABLESAMPLE system (1)"),
        "Select SelectStmt r:a r:b"
    );
    assert_eq!(line("SELECT * FROM a x FOR UPDATE OF x"), "Select SelectStmt r:a");
    assert_eq!(line("SELECT * FROM ONLY \"Größe\""), "Select SelectStmt r:Größe");
    assert_eq!(line("TABLE a"), "Select SelectStmt r:a");
    assert_eq!(line("SELECT * INTO b FROM a"), "Ddl SelectStmt r:a d:b");
}

#[test]
fn names_of_common_table_expressions_are_left_out() {
    assert_eq!(line("WITH a AS (SELECT * FROM t) SELECT * FROM a, s.a"), "Select SelectStmt r:t r:s.a");
    assert_eq!(line("WITH a AS (SELECT * FROM a) SELECT * FROM a"), "Select SelectStmt r:a");
    assert_eq!(
        line("WITH RECURSIVE a AS (SELECT 1 UNION SELECT * FROM a) SELECT * FROM a"),
        "Select SelectStmt"
    );
    assert_eq!(
        line("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b"),
        "Select SelectStmt r:b"
    );
    assert_eq!(line("WITH b AS (SELECT 1), a AS (SELECT * FROM b) SELECT * FROM a"), "Select SelectStmt");
    assert_eq!(line("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a"), "Select SelectStmt r:a");
    assert_eq!(line("WITH t AS (SELECT 1) INSERT INTO t SELECT * FROM t"), "Insert InsertStmt w:t");
    assert_eq!(
        line("WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone"),
        "Insert InsertStmt w:a w:b"
    );
}

#[test]
fn data_changes_write_their_target_only() {
    assert_eq!(
        line("INSERT INTO a SELECT * FROM b ON CONFLICT (x) DO UPDATE SET y = (SELECT 1 FROM c)"),
        "Insert InsertStmt w:a r:b r:c"
    );
    assert_eq!(line("UPDATE a SET x = b.x FROM b WHERE a.id = b.id"), "Update UpdateStmt w:a r:b");
    assert_eq!(
        line("DELETE FROM a USING b WHERE a.id = (SELECT max(id) FROM a)"),
        "Delete DeleteStmt r:a w:a r:b"
    );
    assert_eq!(line("MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN DELETE"), "Merge MergeStmt w:a r:b");
    assert_eq!(line("COPY a FROM stdin"), "Copy CopyStmt w:a");
    assert_eq!(line("COPY a TO stdout"), "Copy CopyStmt r:a");
    assert_eq!(line("COPY (SELECT * FROM a) TO stdout"), "Copy CopyStmt r:a");
    assert_eq!(line("TRUNCATE a, s.b"), "Truncate TruncateStmt w:a w:s.b");
    assert_eq!(line("REFRESH MATERIALIZED VIEW v"), "Ddl RefreshMatViewStmt w:v");
}

#[test]
fn definitions_define_their_target() {
    assert_eq!(line("CREATE TABLE a (x int REFERENCES b, LIKE c)"), "Ddl CreateStmt d:a r:b r:c");
    assert_eq!(line("CREATE TABLE p PARTITION OF a DEFAULT"), "Ddl CreateStmt d:a d:p");
    assert_eq!(line("CREATE TABLE a AS SELECT * FROM b"), "Ddl CreateTableAsStmt d:a r:b");
    assert_eq!(line("CREATE VIEW v AS SELECT * FROM a"), "Ddl ViewStmt r:a d:v");
    assert_eq!(line("ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b"), "Ddl AlterTableStmt d:a r:b");
    assert_eq!(line("ALTER TABLE a ATTACH PARTITION p DEFAULT"), "Ddl AlterTableStmt d:a d:p");
    assert_eq!(line("ALTER TABLE a RENAME x TO y"), "Ddl RenameStmt d:a");
    assert_eq!(line("ALTER INDEX a RENAME TO b"), "Ddl RenameStmt");
    assert_eq!(line("ALTER SEQUENCE a OWNED BY t.x"), "Ddl AlterSeqStmt");
    assert_eq!(line("CREATE INDEX ON s.a (x)"), "Ddl IndexStmt d:s.a");
    assert_eq!(
        line("CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()"),
        "Ddl CreateTrigStmt d:a"
    );
    assert_eq!(line("CREATE POLICY p ON a USING (EXISTS (SELECT FROM b))"), "Ddl CreatePolicyStmt d:a r:b");
    assert_eq!(line("DROP TABLE a, s.b"), "Ddl DropStmt d:a d:s.b");
    assert_eq!(line("DROP TRIGGER t ON s.a"), "Ddl DropStmt d:s.a");
    assert_eq!(line("DROP INDEX i"), "Ddl DropStmt");
    assert_eq!(line("COMMENT ON COLUMN s.a.x IS 'y'"), "Ddl CommentStmt d:s.a");
    assert_eq!(line("COMMENT ON TABLE a IS 'y'"), "Ddl CommentStmt d:a");
    assert_eq!(line("GRANT SELECT ON a TO r"), "Grant GrantStmt d:a");
    assert_eq!(line("GRANT USAGE ON SEQUENCE a TO r"), "Grant GrantStmt");
    assert_eq!(line("CREATE TYPE t AS (x int)"), "Ddl CompositeTypeStmt");
    assert_eq!(
        line("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT count(*) FROM a; END"),
        "Ddl CreateFunctionStmt r:a"
    );
}

#[test]
fn other_statements_have_their_verb() {
    for (sql, verb) in [
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", Verb::Begin),
        ("START TRANSACTION", Verb::Begin),
        ("COMMIT", Verb::Commit),
        ("END", Verb::Commit),
        ("ROLLBACK", Verb::Rollback),
        ("ABORT", Verb::Rollback),
        ("SAVEPOINT a", Verb::Savepoint),
        ("ROLLBACK TO a", Verb::Savepoint),
        ("RELEASE a", Verb::Savepoint),
        ("SET x.y = 'z'", Verb::Set),
        ("SET CONSTRAINTS ALL DEFERRED", Verb::Set),
        ("DO $$ BEGIN END $$", Verb::Do),
        ("CALL p()", Verb::Call),
        ("LOCK a", Verb::Other),
        ("EXPLAIN SELECT 1", Verb::Other),
        ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO r", Verb::Grant),
    ] {
        assert_eq!(statement_facts(sql).expect(sql).verb, verb, "{sql}");
    }
}

#[test]
fn statements_that_refuse_a_transaction_block() {
    for sql in [
        "CREATE INDEX CONCURRENTLY i ON a (x)",
        "DROP INDEX CONCURRENTLY i",
        "REINDEX INDEX CONCURRENTLY i",
        "REINDEX (CONCURRENTLY) TABLE a",
        "REINDEX DATABASE d",
        "REINDEX SCHEMA s",
        "REINDEX SYSTEM d",
        "VACUUM",
        "VACUUM FULL a",
        "CREATE DATABASE d",
        "DROP DATABASE d",
        "CREATE TABLESPACE t LOCATION '/x'",
        "DROP TABLESPACE t",
        "ALTER SYSTEM SET x = 1",
        "ALTER DATABASE d SET TABLESPACE t",
        "CLUSTER",
        "ALTER TABLE a DETACH PARTITION p CONCURRENTLY",
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
        "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
        "ALTER SUBSCRIPTION s ADD PUBLICATION p",
        "DROP SUBSCRIPTION s",
        "DISCARD ALL",
        "COMMIT PREPARED 'x'",
    ] {
        assert!(statement_facts(sql).expect(sql).refuses_transaction, "{sql}");
    }
}

#[test]
fn statements_that_bear_a_transaction_block() {
    for sql in [
        "CREATE INDEX i ON a (x)",
        "REINDEX TABLE a",
        "REINDEX (CONCURRENTLY false) TABLE a",
        "ANALYZE a",
        "CLUSTER a",
        "ALTER TYPE t ADD VALUE 'x'",
        "ALTER TABLE a DETACH PARTITION p",
        "ALTER TABLE a DETACH PARTITION p FINALIZE",
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)",
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (create_slot = off)",
        "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)",
        "DISCARD TEMP",
        "PREPARE TRANSACTION 'x'",
    ] {
        assert!(!statement_facts(sql).expect(sql).refuses_transaction, "{sql}");
    }
}

#[test]
fn a_deep_statement_has_facts_too() {
    let chain = format!("INSERT INTO s.a SELECT 'a'{} FROM b", " || 'b'".repeat(300));
    assert_eq!(line(&chain), "Insert InsertStmt r:b w:s.a");
}

#[test]
fn no_statement_and_several_statements_are_errors() {
    assert!(statement_facts("").is_err());
    assert!(statement_facts("-- nothing\n;").is_err());
    assert!(statement_facts("SELECT 1; SELECT 2").is_err());
    assert!(statement_facts("SELCT").is_err());
}
