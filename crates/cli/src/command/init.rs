//! `underpin init`: adopts an existing folder of migrations.

use camino::Utf8Path;
use clap::Args;
use underpin_lab::adopt;
use underpin_report::amounts::counted;

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Adopt this folder: find its migrations and write a commented underpin.toml
///
/// Recognises numbered files and those of sqlx, dbmate, refinery, Flyway and golang-migrate. In a
/// folder without migrations it starts a migrations/ folder.
#[derive(Debug, Args)]
pub struct InitArgs {}

/// Carries the command out.
pub fn run(_args: &InitArgs, settings: &Settings) -> Result<u8, Fault> {
    let root = settings.folder();
    let file = root.join("underpin.toml");
    if file.exists() {
        let fault = Fault::usage("underpin.toml is here already; nothing was changed.");
        return Err(fault.hint("Run `underpin prove`."));
    }
    let failed = |error| Fault::environment(format!("{file} could not be written.")).because(error);
    match adopt::adopt(root) {
        Some(adoption) => {
            fs_err::write(&file, &adoption.config).map_err(failed)?;
            let words = adopt::scheme_words(adoption.scheme);
            output::result(&format!(
                "Adopted {words}: {} in {}/.\nWrote underpin.toml.",
                counted(adoption.count, "migration"),
                adoption.migrations
            ));
        }
        None => {
            let migrations = root.join("migrations");
            fs_err::create_dir_all(&migrations).map_err(failed)?;
            let name = root.file_name().unwrap_or("my-app");
            fs_err::write(&file, adopt::config(name, Utf8Path::new("migrations"))).map_err(failed)?;
            let first = migrations.join("001_init.sql");
            fs_err::write(&first, FIRST_MIGRATION).map_err(failed)?;
            output::result("No migrations were found; wrote underpin.toml and migrations/001_init.sql.");
        }
    }
    output::remark("\nhint: underpin prove");
    Ok(0)
}

const FIRST_MIGRATION: &str = "-- The first migration. Never edit it once it is applied; add 002_….sql instead.\n\
CREATE TABLE items (\n    \
id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n    \
title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),\n    \
created_at timestamptz NOT NULL DEFAULT now()\n);\n";
