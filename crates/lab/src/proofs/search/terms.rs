//! What is searched for: words of the data that are everywhere and rare, one of several forms, a part of one, one misspelt,
//! and one that is nowhere.

use underpin_model::sql_text::quote_literal;
use underpin_pg::Session;

use super::surface::Source;
use crate::error::LabError;

/// A word to search for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// `hot`, `rare`, `form`, `part`, `misspelt` or `absent`.
    pub kind: &'static str,
    pub word: String,
}

/// Words to search for, chosen by how many rows hold them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms(pub Vec<Term>);

impl Terms {
    /// Returns the word of that kind.
    pub(super) fn word(&self, kind: &str) -> Option<&str> {
        self.0.iter().find(|term| term.kind == kind).map(|term| term.word.as_str())
    }
}

/// Chooses words from the copy `underpin_search.texts`; none when it holds no word.
pub(super) async fn choose(session: &Session, source: &Source) -> Result<Option<Terms>, LabError> {
    let sql =
        format!("SET underpin.config = {};\n{}", quote_literal(&source.config), include_str!("terms.sql"));
    let rows = session.rows(&sql).await?;
    let words: Vec<(&str, &str)> = rows.iter().map(|row| (row.text("kind"), row.text("word"))).collect();
    let of = |kind: &str| words.iter().find(|(one, _)| *one == kind).map(|(_, word)| (*word).to_owned());
    let Some(hot) = of("hot") else { return Ok(None) };
    let mut terms = vec![Term { kind: "hot", word: hot.clone() }];
    if let Some(rare) = of("rare").filter(|rare| *rare != hot) {
        terms.push(Term { kind: "rare", word: rare });
    }
    if let Some(form) = of("form").filter(|form| terms.iter().all(|term| term.word != *form)) {
        terms.push(Term { kind: "form", word: form });
    }
    let long = of("long").unwrap_or_default();
    if let Some(part) = part(&long) {
        terms.push(Term { kind: "part", word: part });
    }
    for (kind, word) in [("misspelt", misspelt(&long)), ("absent", Some(absent(&hot)))] {
        let Some(word) = word else { continue };
        let sql = format!("SELECT EXISTS (SELECT FROM underpin_search.texts WHERE body ILIKE '%{word}%')");
        if session.value(&sql).await?.as_deref() == Some("f") {
            terms.push(Term { kind, word });
        }
    }
    Ok(Some(Terms(terms)))
}

/// Returns a word of about the same length that nobody writes.
fn absent(word: &str) -> String {
    "zqxjkvwy".chars().cycle().take(word.chars().count().max(5)).collect()
}

/// Returns the word without its first two letters, as somebody looks for `room` in `classroom`.
fn part(word: &str) -> Option<String> {
    let rest: String = word.chars().skip(2).collect();
    (rest.chars().count() >= 4).then_some(rest)
}

/// Returns the word without its last letter but one: what a hurried hand types, and near enough for `pg_trgm`'s usual
/// threshold of 0.6 in words of six letters and more.
fn misspelt(word: &str) -> Option<String> {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() < 6 {
        return None;
    }
    letters.remove(letters.len() - 2);
    Some(letters.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_lacks_a_letter() {
        assert_eq!(misspelt("course").as_deref(), Some("coure"));
        assert_eq!(misspelt("rust"), None);
        assert_eq!(absent("abc"), "zqxjk");
        assert_eq!((part("classroom").as_deref(), part("rust")), (Some("assroom"), None));
    }
}
