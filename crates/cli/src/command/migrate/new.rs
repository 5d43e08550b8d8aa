//! `underpin migrate new`: writes the folder of a breaking change.

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};
use underpin_lab::lab::{Lab, LabSpec};
use underpin_lab::recipe::{Change, Recipe, write_recipe};
use underpin_model::project::Project;

use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;

/// Write the folder of a breaking change: expand, backfill, verify, contract, revert, old and new
///
/// The project's schema is built in a private server, for types, keys, defaults and what rests on
/// the column. What cannot be carried over is named and nothing is written. Look at old.sql and
/// new.sql: they are sketches of what your application does.
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Name of the change in the folder's name, such as rename_phone
    name: String,
    /// What changes
    #[arg(long, value_name = "CHANGE")]
    change: Kind,
    /// The table that changes, with its schema unless that is public
    #[arg(long, value_name = "TABLE")]
    table: String,
    /// The column that changes
    #[arg(long, value_name = "COLUMN")]
    column: Option<String>,
    /// The new name: of the column, or of the table that columns move to
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// change-type: the new type
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Option<String>,
    /// change-type: the new value, over the old column; a cast when absent
    #[arg(long, value_name = "SQL")]
    using: Option<String>,
    /// change-type: the old value, over the new column; a cast when absent
    #[arg(long, value_name = "SQL")]
    back: Option<String>,
    /// split-column: a new column with its value over the old one (repeatable); two plain names are
    /// split at --separator
    #[arg(long, value_name = "NAME[=SQL]")]
    into: Vec<String>,
    /// split-column: the old value, over the new columns
    #[arg(long, value_name = "SQL")]
    join: Option<String>,
    /// split-column: what stands between the two parts
    #[arg(long, value_name = "TEXT", default_value = " ")]
    separator: String,
    /// add-not-null: what stands in the place of NULL, as SQL
    #[arg(long, value_name = "SQL")]
    value: Option<String>,
    /// split-table: the columns that move
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// merge-tables: the table that is taken in
    #[arg(long, value_name = "TABLE")]
    from: Option<String>,
}

/// The kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    RenameColumn,
    ChangeType,
    SplitColumn,
    AddNotNull,
    DropColumn,
    SplitTable,
    MergeTables,
}

/// Carries the command out.
pub(super) async fn run(args: &NewArgs, settings: &Settings) -> Result<u8, Fault> {
    let project = settings.project()?;
    let change = args.change()?;
    let folder = folder(&project, &args.name)?;
    crate::command::sweep(settings);
    let spec = LabSpec {
        installation: settings.installation(Some(&project))?,
        scale: 1,
        cache: Some(project.root.join(".underpin/cache")),
    };
    let progress = Progress::new(settings);
    let lab = Lab::open(&project, &spec, &progress).await?;
    drop(progress);
    let recipe = Recipe { name: args.name.clone(), table: args.table.clone(), change };
    let written = write_recipe(lab.catalog(), &recipe);
    lab.close().await?;
    let files = written.map_err(|error| {
        Fault::usage(format!("{folder} cannot be written: {error}.")).hint(
            "`underpin psql` shows the schema; what rests on a column is moved in a migration of its own.",
        )
    })?;
    let path = project.root.join(&folder);
    let failed = |error| Fault::environment(format!("{folder} could not be written.")).because(error);
    fs_err::create_dir_all(&path).map_err(failed)?;
    for file in &files {
        fs_err::write(path.join(file.name), &file.text).map_err(failed)?;
        output::result(&format!("wrote {folder}/{}", file.name));
    }
    output::remark("\nhint: correct old.sql and new.sql, then run underpin prove migrations");
    Ok(0)
}

/// Returns the new folder, numbered behind the last migration and as wide as it.
fn folder(project: &Project, name: &str) -> Result<Utf8PathBuf, Fault> {
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !fits || name.len() > 40 {
        return Err(Fault::usage(format!("`{name}` is no name for a folder."))
            .hint("Small letters, digits and `_`, at most 40 of them, such as rename_phone."));
    }
    let last = project.migrations.last().map_or("000", |migration| migration.version.as_str());
    let next = last.parse::<u64>().map(|number| number + 1).map_err(|_| {
        Fault::usage(format!("The version {last} is no number that can be counted on."))
            .hint("Make the folder yourself, with the version that comes next.")
    })?;
    let width = last.len();
    Ok(Utf8PathBuf::from(&project.config.paths.migrations).join(format!("{next:0width$}_{name}")))
}

impl NewArgs {
    fn change(&self) -> Result<Change, Fault> {
        let column = || needed(&self.column, "--column");
        Ok(match self.change {
            Kind::RenameColumn => Change::RenameColumn { column: column()?, to: needed(&self.to, "--to")? },
            Kind::ChangeType => Change::ChangeType {
                column: column()?,
                to: needed(&self.to, "--to")?,
                type_name: needed(&self.type_name, "--type")?,
                using: self.using.clone(),
                back: self.back.clone(),
            },
            Kind::SplitColumn => self.split_column(column()?)?,
            Kind::AddNotNull => {
                Change::AddNotNull { column: column()?, value: needed(&self.value, "--value")? }
            }
            Kind::DropColumn => Change::DropColumn { column: column()? },
            Kind::SplitTable if self.columns.is_empty() => {
                return Err(missing("--columns"));
            }
            Kind::SplitTable => {
                Change::SplitTable { to: needed(&self.to, "--to")?, columns: self.columns.clone() }
            }
            Kind::MergeTables => Change::MergeTables { from: needed(&self.from, "--from")? },
        })
    }

    /// Two plain names are the part before the first separator and the rest.
    fn split_column(&self, column: String) -> Result<Change, Fault> {
        let given: Vec<(String, Option<String>)> = self
            .into
            .iter()
            .map(|part| match part.split_once('=') {
                Some((name, sql)) => (name.trim().to_owned(), Some(sql.trim().to_owned())),
                None => (part.trim().to_owned(), None),
            })
            .collect();
        let separator = underpin_model::sql_text::quote_literal(&self.separator);
        if let ([(first, None), (second, None)], None) = (given.as_slice(), &self.join) {
            let rest = format!(
                "nullif(substr({column}, strpos({column} || {separator}, {separator}) + length({separator})), '')"
            );
            let into = vec![
                (first.clone(), format!("split_part({column}, {separator}, 1)")),
                (second.clone(), rest),
            ];
            let join = format!(
                "CASE WHEN num_nonnulls({first}, {second}) > 0 THEN concat_ws({separator}, {first}, {second}) END"
            );
            return Ok(Change::SplitColumn { column, into, join });
        }
        let into: Option<Vec<(String, String)>> =
            given.into_iter().map(|(name, sql)| Some((name, sql?))).collect();
        let join = needed(&self.join, "--join")?;
        match into.filter(|into| !into.is_empty()) {
            Some(into) => Ok(Change::SplitColumn { column, into, join }),
            None => Err(missing("--into NAME=SQL")),
        }
    }
}

fn needed(value: &Option<String>, flag: &str) -> Result<String, Fault> {
    value.clone().ok_or_else(|| missing(flag))
}

fn missing(flag: &str) -> Fault {
    Fault::usage(format!("This change needs {flag}."))
        .hint("`underpin migrate new --help` says what each change needs.")
}
