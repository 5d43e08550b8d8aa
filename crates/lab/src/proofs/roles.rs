//! `roles`: can the application role do only its job?

mod forbidden;
mod injection;
mod job;
mod probing;
mod secrets;
mod standing;
mod surface;

use underpin_model::catalog_diff::catalog_diff;
use underpin_model::checksum::DatabaseChecksum;
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef};
use underpin_pg::{Session, checksum};

use self::forbidden::{Cast, Ended};
use self::job::{Done, Sessions};
use self::probing::Probed;
use self::secrets::IsApplication;
use self::surface::Surface;
use super::replay::describe;
use crate::error::LabError;
use crate::lab::Sandbox;
use crate::proof::{Experiment, Experimenting, Outcome, Proof};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "roles",
    question: "Can the application role do only its job?",
    page: include_str!("../../../../docs/proofs/roles.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[
    job::REFUSED,
    forbidden::ALLOWED,
    standing::POWERFUL,
    secrets::READABLE,
    standing::UNPINNED,
    injection::REACHES,
    injection::CHANGES,
];

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let Some(role) = experiment.project.config.database.app_role.clone() else {
        return Ok(Outcome::skipped("underpin.toml names no application role ([database] app_role)"));
    };
    let sandbox = experiment.lab.sandbox().await?;
    let superuser = sandbox.session().await?;
    let stage = Stage { experiment, sandbox: &sandbox, superuser: &superuser, role: &role };
    let mut outcome = Outcome::default();
    stage.examine(&mut outcome).await?;
    superuser.close().await;
    sandbox.drop().await?;
    Ok(outcome)
}

/// What every part of the experiment works with.
struct Stage<'a> {
    experiment: &'a Experiment<'a>,
    sandbox: &'a Sandbox<'a>,
    superuser: &'a Session,
    role: &'a str,
}

impl Stage<'_> {
    async fn examine(&self, outcome: &mut Outcome) -> Result<(), LabError> {
        let surface = surface::read(self.superuser, self.role).await?;
        let powers = standing::powers(self.superuser, self.role).await?;
        outcome.findings.extend(powers.iter().map(|power| standing::power_finding(self.role, power)));
        outcome.findings.extend(standing::unpinned(self.role, &surface));
        let mut sessions = Sessions::new(self.sandbox);
        let queries = self.queries(&mut sessions).await?;
        let before = self.content().await?;
        if powers.contains(&standing::Power::Attribute("SUPERUSER".to_owned())) {
            outcome
                .unexamined
                .push(format!("what {} must not do, since a superuser is refused nothing", self.role));
        } else {
            self.forbid(&mut sessions, &surface, outcome).await?;
        }
        self.keep_secrets(&mut sessions, &surface, outcome).await?;
        let mut probed = probing::queries_and_functions(self, &mut sessions, &surface).await?;
        outcome.findings.extend(self.changed(&before).await?);
        let transactions = self.transactions(&mut sessions).await?;
        probed.extend(probing::scripts(self, &mut sessions, &surface).await?);
        sessions.close().await;
        let work: Vec<Done> = queries.into_iter().chain(transactions).collect();
        conclude(self.role, &work, &probed, outcome);
        Ok(())
    }

    fn role_of<'b>(&'b self, own: &'b Option<String>) -> &'b str {
        own.as_deref().unwrap_or(self.role)
    }

    async fn queries(&self, sessions: &mut Sessions<'_>) -> Result<Vec<Done>, LabError> {
        let mut done = Vec::new();
        for query in &self.experiment.project.queries {
            let role = self.role_of(&query.role);
            let session = sessions.of(role).await?;
            done.push(job::run_query(session, self.superuser, query, role).await?);
        }
        Ok(done)
    }

    async fn transactions(&self, sessions: &mut Sessions<'_>) -> Result<Vec<Done>, LabError> {
        let mut done = Vec::new();
        for script in &self.experiment.project.transactions {
            let role = self.role_of(&script.role);
            let session = sessions.of(role).await?;
            done.push(job::run_transaction(session, self.superuser, script, role).await?);
        }
        Ok(done)
    }

    /// Tries what must be refused, each in a transaction that is rolled back.
    async fn forbid(
        &self,
        sessions: &mut Sessions<'_>,
        surface: &Surface,
        outcome: &mut Outcome,
    ) -> Result<(), LabError> {
        let victim = self.sandbox.session().await?;
        let owner = self.experiment.project.config.database.owner_role.as_deref();
        let cast = Cast { role: self.role, owner };
        let told = format!("SET {} = '{}'", forbidden::VICTIM, victim.pid());
        sessions.of(self.role).await?.execute(&told).await?;
        let mut results = Vec::new();
        for attempt in forbidden::attempts(surface, &cast) {
            let session = sessions.of(self.role).await?;
            let ended = forbidden::try_it(session, self.superuser, &attempt).await?;
            match &ended {
                Ended::Refused => {}
                Ended::Allowed => outcome.findings.push(forbidden::finding(self.role, &attempt)),
                Ended::Unclear(reason) => outcome.unexamined.push(format!("`{}` ({reason})", attempt.sql)),
            }
            results.push((attempt, ended));
        }
        victim.close().await;
        let refused = results.iter().filter(|(_, ended)| *ended == Ended::Refused).count();
        outcome.measure("forbidden_tried", results.len() as f64, "count");
        outcome.measure("forbidden_refused", refused as f64, "count");
        outcome.evidence.push(forbidden::evidence(&results));
        Ok(())
    }

    /// Tries to read every secret as the application's and every further role.
    async fn keep_secrets(
        &self,
        sessions: &mut Sessions<'_>,
        surface: &Surface,
        outcome: &mut Outcome,
    ) -> Result<(), LabError> {
        let project = self.experiment.project;
        let settings = project.config.proofs.get("roles");
        let configured = settings.map(|settings| settings.secret.clone()).unwrap_or_default();
        for entry in secrets::unknown(surface, &configured) {
            outcome
                .unexamined
                .push(format!("[proofs.roles] secret = \"{entry}\", which names no table or column"));
        }
        let list = secrets::secrets(surface, &configured);
        let application = (self.role, IsApplication::Yes);
        let others = project.config.database.roles.iter().map(|role| (role.as_str(), IsApplication::No));
        let mut rows = Vec::new();
        for (role, is_application) in std::iter::once(application).chain(others) {
            for secret in &list {
                let readable = secrets::is_readable(sessions.of(role).await?, secret).await?;
                let answer = if readable { "READABLE" } else { "refused" };
                rows.push(vec![
                    format!("{}.{}", secret.relation, secret.column),
                    role.to_owned(),
                    answer.to_owned(),
                ]);
                if readable {
                    outcome.findings.push(secrets::finding(role, secret, is_application));
                }
            }
        }
        if !rows.is_empty() {
            rows.sort();
            outcome.evidence.push(Evidence::table(
                "secrets",
                "Who can read secrets",
                &["column", "role", "answer"],
                rows,
            ));
        }
        Ok(())
    }

    async fn content(&self) -> Result<DatabaseChecksum, LabError> {
        Ok(checksum::database_checksums(&self.sandbox.address(), &checksum::Options::default()).await?)
    }

    /// Compares schema and content with what they were: everything until now was rolled back.
    async fn changed(&self, before: &DatabaseChecksum) -> Result<Vec<Finding>, LabError> {
        let mut findings = Vec::new();
        let after = self.content().await?;
        for difference in before.tables.iter().filter(|(name, sum)| after.tables.get(*name) != Some(sum)) {
            findings.push(escaped(format!("the content of {}", difference.0)));
        }
        let catalog = underpin_pg::catalog::snapshot(self.superuser).await?;
        let differences = catalog_diff(self.experiment.lab.catalog(), &catalog);
        findings.extend(
            differences.iter().map(|difference| escaped(describe(difference, "template", "sandbox"))),
        );
        Ok(findings)
    }
}

fn escaped(what: String) -> Finding {
    let message =
        format!("After all attempts and injection strings were rolled back, something differs: {what}.");
    Finding::new(&injection::CHANGES, message).object(ObjectRef::new(ObjectKind::Database, "sandbox")).hint(
        "Look for functions that write through dblink, or for a right that the evidence shows as allowed.",
    )
}

fn conclude(role: &str, work: &[Done], probed: &[Probed], outcome: &mut Outcome) {
    outcome.findings.extend(work.iter().filter_map(job::finding));
    outcome.findings.extend(probed.iter().flat_map(|probed| probed.findings.clone()));
    let row = |done: &Done| {
        let answer =
            done.refusal.as_ref().map_or_else(|| "done".to_owned(), |refusal| refusal.message.clone());
        vec![done.kind.to_owned(), done.name.clone(), done.role.clone(), answer]
    };
    let columns = ["kind", "name", "role", "answer"];
    if !work.is_empty() {
        outcome.evidence.push(Evidence::table(
            "job",
            "The role's own work",
            &columns,
            work.iter().map(row).collect(),
        ));
    }
    if !probed.is_empty() {
        outcome.evidence.push(probing::evidence(probed));
    }
    let strings: usize = probed.iter().map(|probed| probed.tried).sum();
    let done = work.iter().filter(|done| done.refusal.is_none()).count();
    let tried =
        |name: &str| outcome.measures.iter().find(|one| one.name == name).map_or(0.0, |one| one.value);
    outcome.summary = format!(
        "{role} did {done} of {} of its own queries and transactions; {} of {} forbidden statements were refused; \
         {strings} injection strings were passed as parameters.",
        work.len(),
        tried("forbidden_refused"),
        tried("forbidden_tried"),
    );
    outcome.measure("injection_strings", strings as f64, "count");
}
