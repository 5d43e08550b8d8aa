//! What the tests of this crate share.

use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;
use underpin_pg::{Installation, Profile, Search, Server, ServerSpec, Session, choose_installation};

/// Returns the installation to test with.
pub(crate) fn installation() -> Installation {
    let path_var = std::env::var("PATH").ok();
    let clusters = Some(concat!(env!("CARGO_TARGET_TMPDIR"), "/clusters").into());
    choose_installation(&Search { path_var, clusters, ..Search::default() }).unwrap()
}

/// A folder that the server's user may enter too.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        Folder(dir)
    }

    pub(crate) fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).unwrap()
    }

    /// Returns what lies in it.
    pub(crate) fn entries(&self) -> Vec<Utf8PathBuf> {
        self.path().read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect()
    }
}

/// Returns the wish for a fresh server whose folder is inside of `folder`.
pub(crate) fn spec(folder: &Folder, profile: Profile) -> ServerSpec {
    ServerSpec { temp: Some(folder.path().to_owned()), ..ServerSpec::new(installation(), profile, "test") }
}

/// Starts a fast server.
pub(crate) async fn start(folder: &Folder) -> Server {
    Server::start(spec(folder, Profile::Fast)).await.unwrap()
}

/// Opens a superuser session.
pub(crate) async fn session(server: &Server) -> Session {
    Session::connect(&server.address()).await.unwrap()
}

/// Tells whether the process runs; zombies do not.
pub(crate) fn is_running(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Waits until `state` holds; fails the test after ten seconds.
pub(crate) async fn eventually(what: &str, mut state: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if state().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("never happened: {what}");
}
