//! `underpin status`: is the project's own server up?

use clap::Args;
use underpin_lab::daily;

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Say whether the project's own server is up, and where
///
/// Exit code 3 when it is down.
#[derive(Debug, Args)]
pub struct StatusArgs {}

/// Carries the command out.
pub async fn run(_args: &StatusArgs, settings: &Settings) -> Result<u8, Fault> {
    let root = settings.project_folder()?;
    let running = daily::running(&root);
    if settings.json() {
        let url = running.as_ref().map(daily::Started::url);
        output::result(&serde_json::json!({ "up": running.is_some(), "url": url }).to_string());
    } else {
        output::result(&match &running {
            Some(server) => format!("up: {}", server.url()),
            None => "down".to_owned(),
        });
    }
    Ok(if running.is_some() { 0 } else { 3 })
}
