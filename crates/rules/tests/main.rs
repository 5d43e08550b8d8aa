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
    let clusters = Some(concat!(env!("CARGO_TARGET_TMPDIR"), "/clusters").into());
    let search = Search { path_var: std::env::var("PATH").ok(), clusters, ..Search::default() };
    let installation = choose_installation(&search).expect("a PostgreSQL installation");
    let spec = ServerSpec::new(installation, Profile::Fast, "rules");
    let server = Server::start(spec).await.expect("a server");
    let session = Session::connect(&server.address()).await.expect("a session");
    let mut trial = Trial { session, faults: Vec::new() };
    for rule in all() {
        trial.bad(rule).await;
        trial.good(rule).await;
    }
    trial.session.close().await;
    server.stop().await.expect("the server stops");
    assert!(trial.faults.is_empty(), "{}", trial.faults.join("\n"));
}

/// One database in which the examples follow one another, each on an empty schema.
struct Trial {
    session: Session,
    faults: Vec<String>,
}

impl Trial {
    async fn bad(&mut self, rule: &SchemaRule) {
        let slug = rule.code.rule;
        self.set_up(slug, rule.example().bad).await;
        let findings = self.judge().await;
        let own: Vec<&Finding> = findings.iter().filter(|finding| finding.rule == slug).collect();
        if own.is_empty() {
            self.faults.push(format!("{slug}: the bad example raises nothing"));
        }
        for finding in &findings {
            let is_own = finding.rule == slug;
            let expected = if is_own { rule.code.severity } else { Severity::Note };
            if finding.severity > expected || (is_own && finding.severity != expected) {
                self.faults.push(format!("{slug} bad: {}", shown(finding)));
            }
        }
        self.type_hints(slug, &own).await;
    }

    /// Types the hints in, where they are SQL, and looks whether the findings are gone.
    async fn type_hints(&mut self, slug: &str, own: &[&Finding]) {
        let mut repairs = false;
        for hint in own.iter().filter_map(|finding| finding.hint.as_deref()).filter(|hint| is_sql(hint)) {
            for statement in hint.split(";\n") {
                if let Err(error) = self.session.execute(statement).await {
                    self.faults.push(format!("{slug}: the hint fails: {statement}: {error}"));
                }
                repairs |= !statement.starts_with("SELECT") || statement.contains("setval(");
            }
        }
        let left = self.judge().await;
        if repairs && left.iter().any(|finding| finding.rule == slug && finding.severity > Severity::Note) {
            self.faults.push(format!("{slug}: its hint does not repair it"));
        }
    }

    async fn good(&mut self, rule: &SchemaRule) {
        let slug = rule.code.rule;
        self.set_up(slug, rule.example().good).await;
        for finding in self.judge().await {
            if finding.severity > Severity::Note || finding.rule == slug {
                self.faults.push(format!("{slug} good: {}", shown(&finding)));
            }
        }
    }

    async fn set_up(&mut self, slug: &str, sql: &str) {
        for sql in ["DROP SCHEMA public CASCADE; CREATE SCHEMA public", sql] {
            if let Err(error) = self.session.execute(sql).await {
                self.faults.push(format!("{slug}: an example does not run: {error}"));
            }
        }
    }

    async fn judge(&mut self) -> Vec<Finding> {
        let catalog = match underpin_pg::catalog::snapshot(&self.session).await {
            Ok(catalog) => catalog,
            Err(error) => {
                self.faults.push(format!("no catalog: {error}"));
                return Vec::new();
            }
        };
        let config = Config::default();
        let context = Context::new(&catalog, &config);
        let mut findings = Vec::new();
        for suspicion in all().iter().flat_map(|rule| rule.suspicions(&context)) {
            let (rule, sql) = (suspicion.draft().rule.clone(), suspicion.sql().to_owned());
            match self.session.rows(&sql).await {
                Ok(rows) if rows.rows.len() == 1 => {
                    let row = rows.columns.into_iter().zip(rows.rows.into_iter().flatten());
                    findings.extend(suspicion.judge(&row.collect::<Answer>()));
                }
                Ok(rows) => self.faults.push(format!("{rule}: {} rows: {sql}", rows.rows.len())),
                Err(error) => self.faults.push(format!("{rule}: {error}: {sql}")),
            }
        }
        findings
    }
}

fn shown(finding: &Finding) -> String {
    format!("{} {}: {}", finding.severity.word(), finding.rule, finding.message)
}

fn is_sql(hint: &str) -> bool {
    let statement = ["ALTER ", "CREATE ", "UPDATE ", "COMMENT ", "REINDEX ", "SELECT "];
    hint.ends_with(';') && statement.iter().any(|word| hint.starts_with(word))
}
