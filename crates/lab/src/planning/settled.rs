//! Evidence with plans that stays as it is while nothing but samples changed.

use camino::Utf8Path;

/// Words before a number that rests on a sample of ANALYZE.
const SAMPLED: [&str; 5] = ["rows ", "about ", "estimated ", "estimate ", "off "];

/// Other numbers may differ by this part: identifiers drawn by chance go to other pages of an index.
const CHANCE: f64 = 0.02;

/// Returns the file's own content when `new` says the same but for estimates, else `new`: a document that changes with
/// every ANALYZE hides the change that matters.
pub(crate) fn settled(root: &Utf8Path, path: &str, new: String) -> String {
    match fs_err::read_to_string(root.join(path)) {
        Ok(old) if says_the_same(&old, &new) => old,
        _ => new,
    }
}

fn says_the_same(old: &str, new: &str) -> bool {
    let (old, new) = (parts(old), parts(new));
    let close = |a: &Option<f64>, b: &Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= a.abs().max(b.abs()) * CHANCE,
        (a, b) => a.is_none() && b.is_none(),
    };
    old.len() == new.len()
        && old.iter().zip(&new).all(|(old, new)| {
            old.0 == new.0 && (SAMPLED.iter().any(|word| old.0.ends_with(word)) || close(&old.1, &new.1))
        })
}

/// Returns each number with the text before it, thousands set apart by spaces as one.
fn parts(text: &str) -> Vec<(&str, Option<f64>)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(|c: char| c.is_ascii_digit()) {
        let (head, tail) = rest.split_at(begin);
        let bytes = tail.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = digits(0);
        while bytes.get(end) == Some(&b' ') && digits(end + 1) == 3 {
            end += 4;
        }
        if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        found.push((head, tail[..end].replace(' ', "").parse().ok()));
        rest = &tail[end..];
    }
    found.push((rest, None));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_do_not_count_and_everything_else_does() {
        let one = "Seq Scan on t  rows 1 024 → 970, buffers 42  ← off 39 times";
        assert!(says_the_same(one, "Seq Scan on t  rows 993 → 970, buffers 42  ← off 3.5 times"));
        assert!(!says_the_same(one, "Seq Scan on t  rows 993 → 970, buffers 43  ← off 39 times"));
        assert!(!says_the_same(one, "Seq Scan on u  rows 1 024 → 970, buffers 42  ← off 39 times"));
        assert!(says_the_same("366 buffers, 1 480 without", "366 buffers, 1 483 without"));
        assert!(!says_the_same("366 buffers, 1 480 without", "366 buffers"));
    }
}
