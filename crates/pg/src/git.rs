//! Files of a project as they were at a commit, by the git that is installed.

use camino::Utf8Path;
use tokio::process::Command;

/// Why files of a commit could not be had.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// git or tar could not be started.
    #[error("{program} could not be started")]
    Start {
        /// The program.
        program: &'static str,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// git does not know the commit, or the folder is in no repository.
    #[error("git: {0}")]
    Refused(String),
}

/// Writes everything that lies in `folder` at the commit `reference` into the existing folder `into`.
///
/// A folder that did not exist at that commit leaves `into` empty.
pub async fn files_at(folder: &Utf8Path, reference: &str, into: &Utf8Path) -> Result<(), GitError> {
    run(git(folder).args(["rev-parse", "--git-dir"])).await?;
    let commit = format!("{reference}^{{commit}}");
    run(git(folder).args(["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])).await.map_err(
        |error| match error {
            GitError::Refused(_) => {
                GitError::Refused(format!("there is no commit {reference} in the repository of {folder}"))
            }
            other => other,
        },
    )?;
    let listed = run(git(folder).args(["ls-tree", "--name-only", reference, "./"])).await?;
    if listed.trim().is_empty() {
        return Ok(());
    }
    let archive = into.join("underpin-archive.tar");
    run(git(folder).args(["archive", "--format=tar", "-o", archive.as_str(), reference, "."])).await?;
    let mut tar = Command::new("tar");
    run(tar.args(["-xf", archive.as_str(), "-C", into.as_str()])).await?;
    // The archive is in a folder that goes with its owner; a rest of it harms nobody.
    let _ = fs_err::remove_file(&archive);
    Ok(())
}

fn git(folder: &Utf8Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder.as_str());
    git
}

async fn run(command: &mut Command) -> Result<String, GitError> {
    let program = if command.as_std().get_program() == "tar" { "tar" } else { "git" };
    let output = command.output().await.map_err(|source| GitError::Start { program, source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(GitError::Refused(said.trim().trim_start_matches("fatal: ").to_owned()))
}
