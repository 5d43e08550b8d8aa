//! Whose programs take a physical backup and bring it back; what differs between them stays behind one interface.

use camino::Utf8PathBuf;
use futures_util::future::LocalBoxFuture;
use underpin_pg::{Address, Installation};

use super::restore::{Depth, RestoreSpec, RestoreTarget, Restored, restore};
use super::{BackupError, BackupKind, BackupSpec, Description, Extent, Taken, list, take};

/// Programs that take backups, keep them at one place, and bring them back.
pub trait Engine {
    /// Takes a backup, then removes what `keep` says.
    fn take<'a>(&'a self, wish: &'a TakeWish<'a>) -> LocalBoxFuture<'a, Result<Taken, BackupError>>;

    /// Returns every backup of the place, the oldest first.
    fn list(&self) -> LocalBoxFuture<'_, Result<Vec<Description>, BackupError>>;

    /// Brings a backup back and proves the content.
    fn restore<'a>(&'a self, wish: RestoreWish<'a>) -> LocalBoxFuture<'a, Result<Restored, BackupError>>;
}

/// What is to be backed up.
pub struct TakeWish<'a> {
    /// The source.
    pub address: &'a Address,
    /// What is copied.
    pub kind: BackupKind,
    /// How much of it.
    pub extent: Extent,
    /// How many stay, as the engine counts them; all when absent.
    pub keep: Option<usize>,
}

/// What is to come back.
pub struct RestoreWish<'a> {
    /// The backup; the newest that fits when absent.
    pub label: Option<&'a str>,
    /// The timeline whose log is followed; the newest when absent.
    pub timeline: Option<u32>,
    /// Where to.
    pub target: RestoreTarget<'a>,
    /// How closely a recovered data folder is looked at.
    pub depth: Depth,
}

/// PostgreSQL's own programs, into a local folder.
pub struct Native {
    /// The programs.
    pub installation: Installation,
    /// Folder that holds all backups.
    pub folder: Utf8PathBuf,
}

impl Engine for Native {
    fn take<'a>(&'a self, wish: &'a TakeWish<'a>) -> LocalBoxFuture<'a, Result<Taken, BackupError>> {
        Box::pin(async move {
            let spec = BackupSpec {
                address: wish.address,
                installation: &self.installation,
                folder: &self.folder,
                kind: wish.kind,
                extent: wish.extent,
                keep: wish.keep,
            };
            take(&spec).await
        })
    }

    fn list(&self) -> LocalBoxFuture<'_, Result<Vec<Description>, BackupError>> {
        Box::pin(async move { list(&self.folder) })
    }

    fn restore<'a>(&'a self, wish: RestoreWish<'a>) -> LocalBoxFuture<'a, Result<Restored, BackupError>> {
        Box::pin(async move {
            let spec = RestoreSpec {
                installation: &self.installation,
                folder: &self.folder,
                label: wish.label,
                timeline: wish.timeline,
                target: wish.target,
                depth: wish.depth,
            };
            restore(&spec).await
        })
    }
}
