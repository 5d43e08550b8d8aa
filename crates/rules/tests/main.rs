//! Every rule's page against a real server: its bad schema raises the rule and nothing else, its good schema
//! nothing, and its hint repairs the bad one.

use underpin_model::config::Config;
use underpin_model::{Finding, Severity};
use underpin_pg::{Profile, Search, Server, ServerSpec, Session, choose_installation};
use underpin_rules::{Answer, Context, SchemaRule, all, by_code};

#[test]
fn every_page_has_its_title_and_both_examples() {
    for rule in all() {
        let title = format!("# {} ({})", rule.code.rule, rule.code.code);
        assert_eq!(rule.page.lines().next(), Some(title.as_str()));
        let example = rule.example();
        assert!(!example.bad.is_empty() && !example.good.is_empty(), "{} lacks an example", rule.code.rule);
        for section in
            ["**Why it hurts.**", "**What is measured.**", "**Repair without", "**When to allow it.**"]
        {
            assert!(rule.page.contains(section), "{} lacks {section}", rule.code.rule);
        }
    }
}

#[test]
fn rules_are_found_by_slug_and_by_number() {
    for rule in all() {
        for name in [rule.code.rule, rule.code.code] {
            assert!(by_code(name).is_some_and(|found| found.code == rule.code));
        }
    }
    assert!(by_code("no-such-rule").is_none());
}

#[tokio::test]
async fn every_example_does_what_its_page_says() {
    let search = Search { path_var: std::env::var("PATH").ok(), ..Search::default() };
    let installation = choose_installation(&search).expect("a PostgreSQL installation");
    let spec = ServerSpec::new(installation, Profile::Fast, "rules");
    let server = Server::start(spec).await.expect("a server");
    let mut faults = Vec::new();
    for rule in all() {
        faults.extend(faults_of_bad(&server, rule).await);
        faults.extend(faults_of_good(&server, rule).await);
    }
    server.stop().await.expect("the server stops");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

async fn faults_of_bad(server: &Server, rule: &SchemaRule) -> Vec<String> {
    let slug = rule.code.rule;
    let session = database(server, &format!("bad {slug}"), rule.example().bad).await;
    let mut faults = Vec::new();
    let findings = judge(&session, &mut faults).await;
    let own: Vec<&Finding> = findings.iter().filter(|finding| finding.rule == slug).collect();
    if own.is_empty() {
        faults.push(format!("{slug}: the bad example raises nothing"));
    }
    for finding in &findings {
        let expected = if finding.rule == slug { rule.code.severity } else { Severity::Note };
        if finding.severity > expected || (finding.rule == slug && finding.severity != expected) {
            faults.push(format!(
                "{slug} bad: {} {}: {}",
                finding.severity.word(),
                finding.rule,
                finding.message
            ));
        }
    }
    if std::env::var_os("SHOW").is_some() {
        for finding in &own {
            println!("{slug}: {}\n    hint: {}", finding.message, finding.hint.as_deref().unwrap_or("-"));
        }
    }
    faults.extend(faults_of_hint(&session, slug, &own).await);
    session.close().await;
    faults
}

/// Types the hints in, where they are SQL, and looks whether the findings are gone.
async fn faults_of_hint(session: &Session, slug: &str, own: &[&Finding]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut typed = false;
    for hint in own.iter().filter_map(|finding| finding.hint.as_deref()).filter(|hint| is_sql(hint)) {
        for statement in hint.split(";\n") {
            if let Err(error) = session.execute(statement).await {
                faults.push(format!("{slug}: the hint fails: {statement}: {error}"));
            }
            typed |= !statement.starts_with("SELECT *") && !statement.contains("HAVING");
        }
    }
    let left = judge(session, &mut faults).await;
    if typed && left.iter().any(|finding| finding.rule == slug && finding.severity > Severity::Note) {
        faults.push(format!("{slug}: its hint does not repair it"));
    }
    faults
}

fn is_sql(hint: &str) -> bool {
    let statement = ["ALTER ", "CREATE ", "UPDATE ", "COMMENT ", "REINDEX ", "SELECT "];
    hint.ends_with(';') && statement.iter().any(|word| hint.starts_with(word))
}

async fn faults_of_good(server: &Server, rule: &SchemaRule) -> Vec<String> {
    let slug = rule.code.rule;
    let session = database(server, &format!("good {slug}"), rule.example().good).await;
    let mut faults = Vec::new();
    for finding in judge(&session, &mut faults).await {
        if finding.severity > Severity::Note || finding.rule == slug {
            faults.push(format!(
                "{slug} good: {} {}: {}",
                finding.severity.word(),
                finding.rule,
                finding.message
            ));
        }
    }
    session.close().await;
    faults
}

async fn database(server: &Server, name: &str, sql: &str) -> Session {
    let admin = Session::connect(&server.address()).await.expect("a session");
    admin.execute(&format!("CREATE DATABASE \"{name}\"")).await.expect("a database");
    admin.close().await;
    let session = Session::connect(&server.address().database(name)).await.expect("a session");
    if let Err(error) = session.execute(sql).await {
        panic!("{name} does not run: {error}");
    }
    session
}

async fn judge(session: &Session, faults: &mut Vec<String>) -> Vec<Finding> {
    let catalog = underpin_pg::catalog::snapshot(session).await.expect("a catalog");
    let config = Config::default();
    let context = Context::new(&catalog, &config);
    let mut findings = Vec::new();
    for suspicion in all().iter().flat_map(|rule| rule.suspicions(&context)) {
        match session.rows(suspicion.sql()).await {
            Ok(rows) if rows.rows.len() == 1 => {
                let answer: Answer = rows.columns.into_iter().zip(rows.rows.into_iter().flatten()).collect();
                findings.extend(suspicion.judge(&answer));
            }
            Ok(rows) => faults.push(format!(
                "{}: {} rows: {}",
                suspicion.draft().rule,
                rows.rows.len(),
                suspicion.sql()
            )),
            Err(error) => faults.push(format!("{}: {error}: {}", suspicion.draft().rule, suspicion.sql())),
        }
    }
    findings
}
