//! Which of the project's own statements break behind transaction pooling, or leave something for the next client.
//!
//! Each query and transaction runs directly, through a pool of one connection that two clients share, and through a pool that
//! hands out another connection for each transaction. What differs, and what stays in the session, is a finding.

mod judge;
mod steps;

use std::collections::BTreeSet;

use camino::Utf8Path;
use underpin_model::project::{Project, Query};
use underpin_model::script::TransactionScript;
use underpin_model::{Code, Evidence, Finding};
use underpin_pg::light::Keep;
use underpin_pg::{Address, Credentials, LightSession, Pooler, PoolerSpec, Secret, Server, Session};

use crate::clone::{clone_database, drop_database};
use crate::error::LabError;
use crate::params::{self, Values};
use crate::template;
use judge::{Held, Seen};
use steps::Step;

/// Every code that is reported here.
pub(super) const CODES: &[Code] = judge::CODES;

/// Databases with the same content, one per way: what one way changes must not be seen on another.
const DIRECT: &str = "pooling_direct";
const SHARED: &str = "pooling_shared";
const ROTATED: &str = "pooling_rotated";

/// Connections that take turns. With two, a lock and its release three statements later would meet again by chance.
const ROTATION: usize = 5;

/// What was found.
#[derive(Default)]
pub(super) struct Examined {
    pub(super) findings: Vec<Finding>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) unexamined: Vec<String>,
}

/// A query or transaction of the project.
#[derive(Clone, Copy)]
enum Item<'a> {
    Query(&'a Query),
    Transaction(&'a TransactionScript),
}

/// The poolers and databases of the examination.
struct Bench<'a> {
    server: &'a Server,
    project: &'a Project,
    shared: Pooler,
    rotating: Pooler,
    own: Credentials,
    probe: String,
}

/// Runs every query and transaction on the three ways.
pub(super) async fn examine(
    project: &Project,
    server: &Server,
    program: &Utf8Path,
) -> Result<Examined, LabError> {
    for name in [DIRECT, SHARED, ROTATED] {
        clone_database(&server.address(), template::DATABASE, name).await?;
        // A lock that was left on another connection would be waited for without end.
        let session = Session::connect(&server.address()).await?;
        session.execute(&format!("ALTER DATABASE {name} SET lock_timeout = '500ms'")).await?;
        session.close().await;
    }
    let roles: Vec<&str> =
        items(project).map(|item| role(item, project)).collect::<BTreeSet<_>>().into_iter().collect();
    let wish = |size| PoolerSpec::new(program, &server.address(), &roles, size as u32);
    let bench = Bench {
        server,
        project,
        shared: Pooler::start(&wish(1)).await?,
        rotating: Pooler::start(&wish(ROTATION).setting("server_round_robin", "1")).await?,
        own: Credentials::new(&Secret::new("")),
        probe: probe(project),
    };
    let mut examined = Examined::default();
    let mut rows = Vec::new();
    for item in items(project) {
        match bench.examine(item).await? {
            Err(gap) => examined.unexamined.push(gap),
            Ok(seen) => {
                let found = judge::judge(&seen);
                rows.push(judge::row(&seen, &found));
                examined.findings.extend(found);
            }
        }
    }
    rows.push(bench.drivers(&roles).await?);
    let Bench { shared, rotating, .. } = bench;
    drop((shared, rotating));
    for name in [DIRECT, SHARED, ROTATED] {
        drop_database(&server.address(), name).await?;
    }
    let columns = ["name", "kind", "what happens behind transaction pooling"];
    let title = "The project's own statements behind transaction pooling";
    examined.evidence.push(Evidence::table("statements", title, &columns, rows));
    Ok(examined)
}

fn items(project: &Project) -> impl Iterator<Item = Item<'_>> {
    project.queries.iter().map(Item::Query).chain(project.transactions.iter().map(Item::Transaction))
}

fn role<'a>(item: Item<'a>, project: &'a Project) -> &'a str {
    let own = match item {
        Item::Query(query) => &query.role,
        Item::Transaction(script) => &script.role,
    };
    own.as_ref().or(project.config.database.app_role.as_ref()).map_or("postgres", String::as_str)
}

/// Returns the statement that reads what a session holds, settings of the project's own included.
fn probe(project: &Project) -> String {
    let mut names: BTreeSet<String> = project.config.tenancy.setting.iter().cloned().collect();
    let migrations = project.migrations.iter().map(|one| one.sql.text.clone());
    let queries = project.queries.iter().map(|one| one.statement.sql.clone());
    let scripts = project.transactions.iter().flat_map(steps::sources);
    for text in migrations.chain(queries).chain(scripts) {
        names.extend(steps::dotted_names(&text));
    }
    let list: Vec<String> = names.iter().map(|name| format!("('{name}')")).collect();
    let list = if list.is_empty() { "('underpin.none')".to_owned() } else { list.join(", ") };
    include_str!("pooling/probe.sql").replace("{names}", &list)
}

impl Bench<'_> {
    /// Runs one item on all ways; the inner error says why it could not be examined.
    async fn examine<'i>(&self, item: Item<'i>) -> Result<Result<Seen<'i>, String>, LabError> {
        let (name, params) = match item {
            Item::Query(query) => (&query.name, &query.params),
            Item::Transaction(script) => (&script.name, &script.params),
        };
        let role = role(item, self.project);
        let session = Session::connect(&self.server.address().database(DIRECT)).await?;
        let values = params::evaluate(&session, name, params).await;
        session.close().await;
        let values = match values {
            Ok(values) => values,
            Err(error) => return Ok(Err(format!("{name} behind the pool: {}", error.chain()))),
        };
        let direct = self.direct(item, role, &values).await?;
        let (shared, mut held) = self.shared(item, role, &values).await?;
        let (rotated, more) = match self.rotated(item, role, &values).await? {
            Ok(seen) => seen,
            Err(gap) => return Ok(Err(format!("{name} behind the pool: {gap}"))),
        };
        held.extend(more);
        Ok(Ok(Seen { item, direct, shared, rotated, held }))
    }

    /// Runs the item twice, each time on a session of its own.
    async fn direct(&self, item: Item<'_>, role: &str, values: &Values) -> Result<[Vec<Step>; 2], LabError> {
        let address = self.server.address().database(DIRECT).user(role);
        let mut runs = [Vec::new(), Vec::new()];
        for run in &mut runs {
            let mut session = LightSession::connect(&address, &self.own).await?;
            *run = steps::run(&mut session, item, values).await?;
            session.close().await;
        }
        Ok(runs)
    }

    /// Runs the item by one client, looks as another client of the same connection, and runs it by that one.
    async fn shared(
        &self,
        item: Item<'_>,
        role: &str,
        values: &Values,
    ) -> Result<([Vec<Step>; 2], Vec<Held>), LabError> {
        let address = self.shared.address(role, SHARED);
        let mut first = self.client(&self.shared, &address).await?;
        let mut second = self.client(&self.shared, &address).await?;
        let before = self.look(&mut second).await?;
        let one = steps::run(&mut first, item, values).await?;
        let after = self.look(&mut second).await?;
        let two = steps::run(&mut second, item, values).await?;
        second.query("DISCARD ALL", Keep::Count).await?;
        first.close().await;
        second.close().await;
        Ok(([one, two], judge::new(&before, after)))
    }

    /// Runs the item while each transaction gets another connection than the one before.
    async fn rotated(
        &self,
        item: Item<'_>,
        role: &str,
        values: &Values,
    ) -> Result<Result<(Vec<Step>, Vec<Held>), String>, LabError> {
        let address = self.rotating.address(role, ROTATED);
        let mut clients = Vec::new();
        for _ in 0..ROTATION {
            clients.push(self.client(&self.rotating, &address).await?);
        }
        // As many transactions at once make the pool open all of its connections.
        for sql in ["BEGIN", "COMMIT"] {
            for client in &mut clients {
                client.query(sql, Keep::Count).await?;
            }
        }
        let [client, other, ..] = &mut clients[..] else { return Ok(Err("no clients".to_owned())) };
        let mut before = Vec::new();
        for _ in 0..ROTATION {
            before.push(self.look(client).await?);
        }
        let different: BTreeSet<_> = before.iter().map(|held| judge::pid(held)).collect();
        if different.len() < ROTATION {
            return Ok(Err("the pool did not change its connection with each transaction".to_owned()));
        }
        let run = steps::run(client, item, values).await?;
        let mut held = Vec::new();
        for _ in 0..ROTATION {
            let after = self.look(other).await?;
            let then = before.iter().find(|then| judge::pid(then) == judge::pid(&after));
            held.extend(judge::new(then.map_or(&[], Vec::as_slice), after));
        }
        // The same once more, so that all databases go on alike.
        steps::run(client, item, values).await?;
        for _ in 0..ROTATION {
            client.query("DISCARD ALL", Keep::Count).await?;
        }
        for client in clients {
            client.close().await;
        }
        Ok(Ok((run, held)))
    }

    /// Tells what becomes of the statements that drivers prepare by themselves.
    async fn drivers(&self, roles: &[&str]) -> Result<Vec<String>, LabError> {
        let role = roles.first().copied().unwrap_or("postgres");
        let address = self.rotating.address(role, ROTATED);
        let mut client = self.client(&self.rotating, &address).await?;
        let mut outcome = client.prepare("underpin_named", "SELECT 1").await;
        for _ in 0..2 {
            if outcome.is_ok() {
                outcome = client.execute("underpin_named", &[]).await.map(drop);
            }
        }
        let told = match outcome {
            Ok(()) => "work".to_owned(),
            Err(error) => format!(
                "fail ({error}): {} does not follow them to another connection; from 1.21 on max_prepared_statements makes it, else \
                 switch them off in the driver",
                self.rotating.version()
            ),
        };
        let name = "named statements of the protocol".to_owned();
        Ok(vec![name, "driver".to_owned(), told])
    }

    async fn client(&self, pooler: &Pooler, address: &Address) -> Result<LightSession, LabError> {
        Ok(LightSession::connect(address, pooler.credentials()).await?)
    }

    async fn look(&self, session: &mut LightSession) -> Result<Vec<Held>, LabError> {
        let rows = session.query(&self.probe, Keep::Rows).await?;
        let held = |row: underpin_pg::Row<'_>| Held {
            kind: row.text("kind").to_owned(),
            name: row.text("name").to_owned(),
            value: row.text("value").to_owned(),
        };
        Ok(rows.iter().map(held).collect())
    }
}
