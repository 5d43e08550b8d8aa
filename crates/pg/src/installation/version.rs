//! PostgreSQL's version numbers.

use std::cmp::Ordering;
use std::fmt;

/// A version such as `15.4`, `18beta1` or `19devel`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// 15 of `15.4`.
    pub major: u32,
    /// 4 of `15.4`; 0 for pre-releases.
    pub minor: u32,
    /// As the server writes it, without its packager's remarks.
    pub text: String,
}

impl Version {
    /// Reads `postgres (PostgreSQL) 15.4 (Debian …)`, `PostgreSQL 15.4 …` or `15.4`.
    pub fn parse(text: &str) -> Option<Version> {
        let word = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        let major = digits(word);
        let minor = word[major.len()..].strip_prefix('.').map(digits).unwrap_or_default();
        Some(Version {
            major: major.parse().ok()?,
            minor: minor.parse().unwrap_or_default(),
            text: word.trim_end_matches(',').to_owned(),
        })
    }

    /// Tells whether this is no development version, beta or release candidate.
    pub fn is_release(&self) -> bool {
        self.text.chars().all(|c| c.is_ascii_digit() || c == '.')
    }

    /// Tells whether this is what `15` or `15.4` asks for.
    pub fn satisfies(&self, wanted: &str) -> bool {
        match wanted.split_once('.') {
            Some((major, minor)) => {
                major.parse() == Ok(self.major) && minor.parse() == Ok(self.minor) && self.is_release()
            }
            None => wanted.parse() == Ok(self.major) || wanted == self.text,
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        let key = |version: &Version| (version.major, version.is_release(), version.minor);
        key(self).cmp(&key(other)).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn versions_of_packages_and_pre_releases() {
        let debian = parse("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)");
        assert_eq!((debian.major, debian.minor, debian.text.as_str()), (15, 13, "15.13"));
        let beta = parse("postgres (PostgreSQL) 18beta1");
        assert_eq!((beta.major, beta.minor, beta.is_release()), (18, 0, false));
        assert_eq!(Version::parse("command not found"), None);
    }

    #[test]
    fn order_puts_pre_releases_before_their_release() {
        let mut all = ["18.0", "9.6", "15.10", "18rc1", "18beta2", "15.9"].map(parse);
        all.sort();
        assert_eq!(all.map(|version| version.text), ["9.6", "15.9", "15.10", "18beta2", "18rc1", "18.0"]);
    }

    #[test]
    fn a_wish_names_a_major_or_an_exact_version() {
        let version = parse("16.4");
        assert!(version.satisfies("16") && version.satisfies("16.4"));
        assert!(!version.satisfies("16.3") && !version.satisfies("1"));
        assert!(parse("18beta1").satisfies("18beta1"));
    }
}
