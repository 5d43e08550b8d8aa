//! A backup with pgBackRest: it reads the server's files beside the server, as the user who owns them.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_pg::{RunAs, Session};

use super::PgBackRest;
use super::repository::Storage;
use crate::backup::engine::TakeWish;
use crate::backup::{BackupError, BackupKind, Description, Extent, Taken, create_folder};

/// What the server says of itself.
const SERVER: &str = "SELECT current_setting('data_directory'), split_part(current_setting('unix_socket_directories'), ',', 1), \
     current_setting('port'), current_user, current_setting('archive_mode'), current_setting('archive_command'), \
     (SELECT string_agg(spcname, ', ') FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global'))";

/// A server on this machine.
struct Place {
    data: Utf8PathBuf,
    socket: String,
    port: String,
    user: String,
    run_as: RunAs,
}

/// Takes a backup, then removes what the wish does not keep.
pub(super) async fn take(engine: &PgBackRest, wish: &TakeWish<'_>) -> Result<Taken, BackupError> {
    if wish.kind == BackupKind::Logical {
        return Err(BackupError::Refused {
            what: "pgBackRest copies whole servers, not one database as statements".to_owned(),
            next: "Leave --kind logical out, or leave --engine pgbackrest out.",
        });
    }
    let session = Session::connect(wish.address).await.map_err(BackupError::Connect)?;
    let place = examine(engine, &session).await?;
    let mut transcript = Vec::new();
    if let Storage::Folder(folder) = &engine.repository.storage
        && !folder.exists()
    {
        create_folder(folder)?;
        place.run_as.own(folder).map_err(|source| BackupError::File {
            doing: format!("handing {folder} over to {}", place.run_as.name()),
            source,
        })?;
    }
    engine.checked(place.call(engine, "stanza-create"), &mut transcript).await?;
    let before = engine.look(Some(&place.run_as), &mut transcript).await?;
    // Wakes an archiver that gave up for a minute because the stanza was not there.
    session.value("SELECT pg_switch_wal()").await.map_err(BackupError::Ask)?;
    let kind = match wish.extent {
        Extent::Full => "full",
        Extent::Differential => "diff",
        Extent::Incremental => "incr",
    };
    let mut call = place.call(engine, "backup").args([format!("--type={kind}"), "--start-fast".to_owned()]);
    if let Some(keep) = wish.keep {
        call = call.arg(format!("--repo1-retention-full={keep}"));
    }
    engine.checked(call, &mut transcript).await?;
    session.close().await;
    let after = engine.look(Some(&place.run_as), &mut transcript).await?;
    let description = newest(engine, (&before.backups, &after.backups))?;
    let mut remarks = Vec::new();
    if description.extent != wish.extent {
        remarks.push(format!(
            "There was no backup to build on, so this one is {} and not {}.",
            description.extent.word(),
            wish.extent.word()
        ));
    }
    if after.bad_pages.contains(&description.label) {
        remarks.push(
            "pgBackRest found pages whose checksum is wrong, at the source: look at the server's disk, and keep older backups.".to_owned(),
        );
    }
    let left: BTreeSet<&str> = after.backups.iter().map(|one| one.label.as_str()).collect();
    let labels = before.backups.iter().map(|one| one.label.clone());
    Ok(Taken {
        description: Description { database: wish.address.database.clone(), ..description },
        path: engine.repository.place().into(),
        transcript,
        removed: labels.filter(|label| !left.contains(label.as_str())).collect(),
        remarks,
    })
}

fn newest(
    engine: &PgBackRest,
    (before, after): (&[Description], &[Description]),
) -> Result<Description, BackupError> {
    let known = |label: &str| before.iter().any(|one| one.label == label);
    after.iter().rev().find(|one| !known(&one.label)).cloned().ok_or_else(|| BackupError::NoBackup {
        folder: engine.repository.place().into(),
        wanted: "new backup although pgBackRest reported success".to_owned(),
    })
}

async fn examine(engine: &PgBackRest, session: &Session) -> Result<Place, BackupError> {
    let rows = session.rows(SERVER).await.map_err(BackupError::Ask)?;
    let cell = |at: usize| rows.first().and_then(|row| row.at(at)).unwrap_or_default().to_owned();
    let tablespaces = cell(6);
    if !tablespaces.is_empty() {
        let what =
            format!("a restore into a new folder takes no tablespaces, and this server has {tablespaces}");
        return Err(BackupError::Unsupported { what });
    }
    let data = Utf8PathBuf::from(cell(0));
    let run_as = owner(&data)?;
    let command = cell(5);
    if cell(4) == "off" || !command.contains("archive-push") {
        return Err(BackupError::Refused {
            what: format!(
                "the server does not send its log to pgBackRest (archive_mode = {}), and without it no backup of it comes back: \
                 `underpin backup --engine pgbackrest … --write-config FILE` writes the file that it needs; then ALTER SYSTEM SET \
                 archive_mode = on; ALTER SYSTEM SET archive_command = '{}'; and restart",
                cell(4),
                engine.archive_command("FILE".into())
            ),
            next: "Run the statements above as superuser, restart the server, and take the backup again.",
        });
    }
    Ok(Place { data, socket: cell(1), port: cell(2), user: cell(3), run_as })
}

/// Returns who owns the server's files, and so has to read them.
pub(super) fn owner(data: &Utf8Path) -> Result<RunAs, BackupError> {
    let next = "Run the command on the server's own machine, as root or as the user who owns that folder.";
    match RunAs::owner_of(data) {
        Ok(Some(run_as)) => Ok(run_as),
        Ok(None) => Err(BackupError::Refused {
            what: format!("pgBackRest has to read {data}, which belongs to another user"),
            next,
        }),
        Err(error) => Err(BackupError::Refused {
            what: format!(
                "pgBackRest reads the server's files, and {data} cannot be looked at here: {error}"
            ),
            next,
        }),
    }
}

impl Place {
    /// Returns a call of a command that talks to the server.
    fn call(&self, engine: &PgBackRest, command: &str) -> underpin_pg::ToolCall {
        engine
            .call(command)
            .args([
                "--log-level-console=info".to_owned(),
                format!("--pg1-path={}", self.data),
                format!("--pg1-socket-path={}", self.socket),
                format!("--pg1-port={}", self.port),
                format!("--pg1-user={}", self.user),
            ])
            .run_as(self.run_as.clone())
    }
}
