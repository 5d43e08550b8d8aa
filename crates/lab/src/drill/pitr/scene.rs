//! The server that archives, its backups, and the moments of its load that are marked.

use std::time::{Duration, Instant, SystemTime};

use camino::Utf8PathBuf;
use underpin_model::checksum::{DatabaseChecksum, TableSum};
use underpin_model::evidence::TranscriptStep;
use underpin_model::sql_text::quote_identifier;
use underpin_pg::{Address, OwnedFolder, RunAs, Server, Session, checksum};

use super::PitrSpec;
use super::recoveries::Point;
use crate::backup::{BackupKind, BackupSpec, Extent, archive_command, take};
use crate::drill::book::Book;
use crate::drill::transcript;
use crate::error::LabError;

/// `archive_timeout` of the drill: what production has in minutes.
pub(super) const ARCHIVE_TIMEOUT_S: u64 = 2;

/// Longest wait for the archiver.
const ARCHIVE_LIMIT: Duration = Duration::from_secs(60);

/// Everything that the drill works with.
pub(super) struct Scene<'a> {
    pub(super) spec: &'a PitrSpec<'a>,
    pub(super) server: Server,
    pub(super) book: Book,
    /// Where clients write.
    pub(super) address: Address,
    /// Holds the backups and the archive.
    pub(super) folder: Utf8PathBuf,
    /// Labels of the backups with their words.
    pub(super) backups: Vec<(String, &'static str)>,
    /// The project's tables before the mistake.
    pub(super) content: Tables,
    transcript: Vec<TranscriptStep>,
    space: OwnedFolder,
}

/// Rows of the project by table.
pub(in crate::drill) type Tables = std::collections::BTreeMap<String, TableSum>;

/// The commit that must not have been.
pub(super) struct Mistake {
    /// Its transaction id.
    pub(super) xid: String,
    /// Its number in the order of all commits.
    pub(super) number: u64,
    /// The project's tables behind it.
    pub(super) content: Tables,
}

impl<'a> Scene<'a> {
    /// Starts the server and makes the book.
    pub(super) async fn prepare(spec: &'a PitrSpec<'a>) -> Result<Scene<'a>, LabError> {
        let failed = |error| LabError::file("making a folder for the drill", error);
        let run_as = RunAs::choose().map_err(|error| LabError::Unexpected(error.to_string()))?;
        let temp = underpin_pg::folder::DEFAULT_TEMP.into();
        let space = OwnedFolder::create(temp, "pitr", &run_as).map_err(failed)?;
        let folder = space.path().join("backups");
        run_as.create_folder(&folder).map_err(failed)?;
        run_as.create_folder(&folder.join("wal")).map_err(failed)?;
        let wish = spec
            .ground
            .spec("pitr")
            .setting("archive_mode", "on")
            .setting("archive_timeout", ARCHIVE_TIMEOUT_S.to_string());
        // A full disk on demand: /dev/full answers every write with ENOSPC.
        let command = format!(
            "if test -e \"{folder}/full\"; then cp \"%p\" /dev/full; else {}; fi",
            archive_command(&folder)
        );
        let server = Server::start(wish.setting("archive_command", command)).await?;
        let address = server.address().database(spec.ground.database());
        let content = tables(&address).await?;
        let book = Book::prepare(&address, spec.ground.writer(&address)).await?;
        let said = format!(
            "archive_mode = on, archive_timeout = {ARCHIVE_TIMEOUT_S} s, archive_command = {}",
            archive_command(&folder)
        );
        let transcript = vec![TranscriptStep { command: said, ..TranscriptStep::default() }];
        Ok(Scene { spec, server, book, address, folder, backups: Vec::new(), content, transcript, space })
    }

    /// Returns a new folder beside the backups.
    pub(super) fn room(&self, name: &str) -> Utf8PathBuf {
        self.space.path().join(name)
    }

    /// Adds to the runbook.
    pub(super) fn tell(&mut self, steps: impl IntoIterator<Item = TranscriptStep>) {
        self.transcript.extend(steps);
    }

    /// Adds a statement to the runbook.
    pub(super) fn tell_sql(&mut self, sql: &str, output: &str) {
        let (command, output) = (format!("psql -c {}", quoted(sql)), output.to_owned());
        self.transcript.push(TranscriptStep { command, output, ..TranscriptStep::default() });
    }

    /// Returns the commands that ran, with the folders of this run replaced by words.
    pub(super) fn told(&mut self) -> Vec<TranscriptStep> {
        let mut words: Vec<(String, String)> = vec![
            (self.folder.to_string(), "$BACKUPS".to_owned()),
            (self.space.path().to_string(), "$NEW".to_owned()),
            (format!("{}/", self.spec.ground.installation.bin_dir), String::new()),
        ];
        words.extend(self.backups.iter().map(|(label, word)| (label.clone(), (*word).to_owned())));
        transcript::told(std::mem::take(&mut self.transcript), &words)
    }

    /// Takes a physical backup under load.
    pub(super) async fn back_up(&mut self, word: &'static str) -> Result<(), LabError> {
        let taken = take(&BackupSpec {
            address: &self.address,
            installation: self.spec.ground.installation,
            folder: &self.folder,
            kind: BackupKind::Physical,
            extent: Extent::Full,
            keep: None,
        })
        .await?;
        self.tell(taken.transcript);
        self.backups.push((taken.description.label, word));
        Ok(())
    }

    /// Marks a moment at which no client waits for an answer: what the record has then is all that there is.
    pub(super) async fn mark(&mut self, name: Option<&str>) -> Result<Point, LabError> {
        // Commits have the time of their beginning; two milliseconds on both sides keep the clock's grain away.
        const MARGIN: Duration = Duration::from_millis(2);
        self.book.pause().await?;
        let session = Session::connect(&self.address).await?;
        if let Some(name) = name {
            let sql = format!("SELECT pg_create_restore_point('{name}')");
            session.execute(&sql).await?;
            self.tell_sql(&sql, "");
        }
        let lsn = session.value("SELECT pg_current_wal_insert_lsn()").await?.unwrap_or_default();
        session.close().await;
        tokio::time::sleep(MARGIN).await;
        let at = SystemTime::now();
        tokio::time::sleep(MARGIN).await;
        self.book.resume();
        Ok(Point { at, lsn })
    }

    /// Empties the book, and the project's largest table, while the clients go on.
    pub(super) async fn mistake(&mut self) -> Result<Mistake, LabError> {
        let session = Session::connect(&self.address.application_name("underpin mistake")).await?;
        let largest = match self.content.iter().max_by_key(|(_, sum)| sum.rows) {
            Some((name, _)) => {
                let parts: Vec<String> = name.splitn(2, '.').map(quote_identifier).collect();
                format!("TRUNCATE {} CASCADE; ", parts.join("."))
            }
            None => String::new(),
        };
        // Triggers that guard tables against this would save the day, and the drill is about the day when they do not.
        let sql = format!(
            "BEGIN; SET LOCAL session_replication_role = replica; UPDATE underpin.book_head SET number = number + 1; \
             DELETE FROM underpin.book; {largest}SELECT number, pg_current_xact_id()::text AS xid FROM underpin.book_head; COMMIT"
        );
        let rows = session.rows(&sql).await?;
        session.close().await;
        self.tell_sql(format!("DELETE FROM underpin.book; {largest}").trim_end(), "");
        let row = rows.first().ok_or_else(|| LabError::Unexpected("the mistake has no number".to_owned()))?;
        Ok(Mistake {
            xid: row.text("xid").to_owned(),
            number: row.int("number").unwrap_or_default() as u64,
            content: tables(&self.address).await?,
        })
    }

    /// Waits until all that was committed is in the archive.
    pub(super) async fn archived(&self) -> Result<(), LabError> {
        let session = Session::connect(&self.address).await?;
        let segment = session.value("SELECT pg_walfile_name(pg_switch_wal())").await?.unwrap_or_default();
        session.close().await;
        self.wait_for(&segment).await
    }

    /// Waits until the segment is in the archive.
    pub(super) async fn wait_for(&self, segment: &str) -> Result<(), LabError> {
        let start = Instant::now();
        while !self.folder.join("wal").join(segment).is_file() {
            if start.elapsed() > ARCHIVE_LIMIT {
                let what = format!("archiving segment {segment}");
                return Err(LabError::Deadline { what, seconds: ARCHIVE_LIMIT.as_secs() });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Stops the server and removes everything.
    pub(super) async fn close(self) -> Result<(), LabError> {
        Ok(self.server.stop().await?)
    }
}

/// Sums the project's tables.
pub(in crate::drill) async fn tables(address: &Address) -> Result<Tables, LabError> {
    let sums: DatabaseChecksum = checksum::database_checksums(address, &checksum::Options::default()).await?;
    Ok(sums.tables)
}

fn quoted(sql: &str) -> String {
    format!("\"{}\"", sql.replace('"', "\\\""))
}
