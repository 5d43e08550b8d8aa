//! The names of migration files, as the tools of the field write them.

use std::cmp::Ordering;

use underpin_model::project::NamingScheme;

/// What the name of a migration file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// Version as written, such as `001` or Flyway's `1.2`; empty for repeatable files.
    pub version: String,
    /// The rest of the name, such as `init`.
    pub name: String,
    /// What the file is for.
    pub role: Role,
    /// Naming scheme.
    pub scheme: NamingScheme,
}

/// What a migration file is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Brings the database forward.
    Up,
    /// Takes an up file back; recognised and left alone.
    Down,
    /// Recognised and left alone, with the reason.
    Ignored(String),
}

/// Returns what a file's name says, or `None` when it follows no known scheme.
///
/// sqlx and golang-migrate both write `.up.sql` and `.down.sql`: a version of 14 digits (sqlx's
/// timestamp) is taken for sqlx, any other for golang-migrate. dbmate's files are told from
/// numbered ones by their text only.
pub fn read_file_name(name: &str) -> Option<FileName> {
    let stem = name.strip_suffix(".sql")?;
    if stem.starts_with(|c: char| c.is_ascii_digit()) { numbered(stem) } else { flyway(stem) }
}

fn numbered(stem: &str) -> Option<FileName> {
    let digits = stem.find(|c: char| !c.is_ascii_digit())?;
    let (version, rest) = stem.split_at(digits);
    let rest = rest.strip_prefix(['_', '-'])?;
    let (name, direction) = match rest.rsplit_once('.') {
        Some((name, "up")) => (name, Some(Role::Up)),
        Some((name, "down")) => (name, Some(Role::Down)),
        _ => (rest, None),
    };
    let scheme = match &direction {
        None => NamingScheme::Numbered,
        Some(_) if version.len() == 14 => NamingScheme::SqlxReversible,
        Some(_) => NamingScheme::GolangMigrate,
    };
    let role = direction.unwrap_or(Role::Up);
    (!name.is_empty()).then(|| FileName { version: version.to_owned(), name: name.to_owned(), role, scheme })
}

/// Reads `V1.2__name`, `U1__name`, `B1__name` and `R__name`; the prefix may be small, as in refinery.
fn flyway(stem: &str) -> Option<FileName> {
    let (front, name) = stem.split_once("__")?;
    let mut letters = front.chars();
    let prefix = letters.next()?.to_ascii_uppercase();
    let version = letters.as_str();
    let numeric = version.split(['.', '_']).all(|part| !part.is_empty() && is_digits(part));
    let role = match (prefix, version.is_empty()) {
        ('V', false) => Role::Up,
        ('U', false) => Role::Ignored("Flyway's undo files are left alone".to_owned()),
        ('B', false) => Role::Ignored("Flyway's baseline files are left alone".to_owned()),
        ('R', true) => Role::Ignored("repeatable files run at every change and have no version".to_owned()),
        _ => return None,
    };
    if !numeric && !version.is_empty() || name.is_empty() {
        return None;
    }
    let (version, name) = (version.to_owned(), name.to_owned());
    Some(FileName { version, name, role, scheme: NamingScheme::Flyway })
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Compares two versions: numeric parts as numbers of any length, from left to right.
///
/// `9` comes before `10`, `001` equals `1`, and `1.2` equals `1_2` and `1.2.0`, as in Flyway.
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    let parts = |version: &str| -> Vec<String> {
        version.split(['.', '_']).map(|part| part.trim_start_matches('0').to_owned()).collect()
    };
    let (mut left, mut right) = (parts(left), parts(right));
    let most = left.len().max(right.len());
    left.resize(most, String::new());
    right.resize(most, String::new());
    // Without leading zeros the longer number is the greater one.
    let mut pairs = left.iter().zip(&right).map(|(l, r)| l.len().cmp(&r.len()).then_with(|| l.cmp(r)));
    pairs.find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns scheme, role, version and name as a line.
    fn line(name: &str) -> String {
        match read_file_name(name) {
            None => "none".to_owned(),
            Some(read) => format!("{:?} {:?} {} {}", read.scheme, read.role, read.version, read.name),
        }
    }

    #[test]
    fn each_tool_has_its_names() {
        assert_eq!(line("001_init.sql"), "Numbered Up 001 init");
        assert_eq!(line("20260101120000_init_all.sql"), "Numbered Up 20260101120000 init_all");
        assert_eq!(line("3-größe.v2.sql"), "Numbered Up 3 größe.v2");
        assert_eq!(line("20260101120000_init.up.sql"), "SqlxReversible Up 20260101120000 init");
        assert_eq!(line("20260101120000_init.down.sql"), "SqlxReversible Down 20260101120000 init");
        assert_eq!(line("000001_init.up.sql"), "GolangMigrate Up 000001 init");
        assert_eq!(line("1_init.down.sql"), "GolangMigrate Down 1 init");
        assert_eq!(line("V1__init.sql"), "Flyway Up 1 init");
        assert_eq!(line("V1.2__x__y.sql"), "Flyway Up 1.2 x__y");
        assert_eq!(line("v1_2__x.sql"), "Flyway Up 1_2 x");
        assert!(line("U1__x.sql").starts_with("Flyway Ignored(\"Flyway's undo"));
        assert!(line("R__views.sql").starts_with("Flyway Ignored(\"repeatable"));
    }

    #[test]
    fn other_files_are_none() {
        for name in [
            "init.sql",
            "001.sql",
            "001_init.txt",
            "README.md",
            "V__x.sql",
            "V1_x.sql",
            "V1a__x.sql",
            "_x.sql",
            "",
            ".sql",
            "1_.up.sql",
            "R1__x.sql",
        ] {
            assert_eq!(line(name), "none", "{name}");
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        let mut versions = ["10", "9", "1.10", "1.2", "99999999999999999999999999", "002", "1_3"];
        versions.sort_by(|left, right| compare_versions(left, right));
        assert_eq!(versions, ["1.2", "1_3", "1.10", "002", "9", "10", "99999999999999999999999999"]);
        assert_eq!(compare_versions("001", "1.0"), Ordering::Equal);
    }
}
