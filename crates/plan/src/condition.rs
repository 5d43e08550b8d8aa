//! What a condition of a plan compares: columns, operators, parameters.
//!
//! The server prints conditions fully parenthesised (`ruleutils.c`), so `AND` at one level of parentheses
//! separates what must hold together, and no precedence has to be known.

use crate::tokens::{Token, sql, tokens};

/// A column as a condition names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnName {
    /// The alias before the dot; absent where the statement reads one relation only.
    pub alias: Option<String>,
    /// The column.
    pub column: String,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// A column, alone.
    Column(ColumnName),
    /// A column below a cast that is not free: `lower((email)::text)` is [`Side::Expression`], `(email)::date` this.
    Cast(ColumnName, String),
    /// A parameter, below casts or not.
    Param(usize),
    /// A constant, below casts or not.
    Constant(String),
    /// `ANY (…)` over a parameter.
    AnyParam(usize),
    /// `ANY (…)` over constants.
    AnyConstant,
    /// Anything else: the columns in it, and its SQL without aliases.
    Expression(Vec<ColumnName>, String),
}

/// One comparison that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Left side.
    pub left: Side,
    /// The operator, or `IS NULL`, `IS NOT NULL`, `OR`, or nothing for a boolean expression.
    pub operator: String,
    /// Right side; absent for what has one side only.
    pub right: Option<Side>,
}

/// Key words, and words of multi-word types, that are no columns.
const KEY_WORDS: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "between",
    "case",
    "collate",
    "current_date",
    "current_role",
    "current_timestamp",
    "current_user",
    "desc",
    "distinct",
    "else",
    "end",
    "escape",
    "false",
    "filter",
    "first",
    "from",
    "hashed",
    "ilike",
    "in",
    "is",
    "last",
    "like",
    "not",
    "notnull",
    "null",
    "nulls",
    "operator",
    "or",
    "over",
    "row",
    "session_user",
    "similar",
    "some",
    "subplan",
    "then",
    "true",
    "unknown",
    "using",
    "when",
    "localtimestamp",
    "initplan",
    "alternatives",
    "exists",
    "returns",
];

/// Words that go on with a type's name.
const TYPE_WORDS: &[&str] =
    &["varying", "precision", "with", "without", "time", "zone", "day", "month", "year"];

/// Returns the columns that a text names, each once, in order of appearance.
pub fn columns(text: &str) -> Vec<ColumnName> {
    let mut found = Vec::new();
    for (_, column) in spots(&tokens(text)) {
        if !found.contains(&column) {
            found.push(column);
        }
    }
    found
}

/// Returns every column with the position of its first word.
fn spots(list: &[Token]) -> Vec<(usize, ColumnName)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < list.len() {
        match &list[at] {
            Token::Cast => at = after_type(list, at + 1),
            Token::Word { text, quoted } => {
                let (parts, end) = dotted(list, at);
                let key_word =
                    !quoted && parts.len() == 1 && KEY_WORDS.contains(&text.to_ascii_lowercase().as_str());
                let call = list.get(end) == Some(&Token::Open);
                if zone(list, at) {
                    at += 3;
                    continue;
                }
                if text.eq_ignore_ascii_case("collate") && !quoted {
                    at = dotted(list, end).1.max(end);
                    continue;
                }
                if !key_word && !call {
                    let column = parts.last().cloned().unwrap_or_default();
                    let alias = parts.len().checked_sub(2).and_then(|before| parts.get(before)).cloned();
                    found.push((at, ColumnName { alias, column }));
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// Returns whether `AT TIME ZONE` begins at `at`; each of the three words may also be a column.
fn zone(list: &[Token], at: usize) -> bool {
    let words = list.iter().skip(at).zip(["at", "time", "zone"]);
    words.filter(|(token, word)| token.is(word)).count() == 3
}

/// Returns the names joined by dots from `at` on, and the position behind them.
fn dotted(list: &[Token], at: usize) -> (Vec<String>, usize) {
    let (mut parts, mut end) = (Vec::new(), at);
    while let Some(Token::Word { text, .. }) = list.get(end) {
        parts.push(text.clone());
        end += 1;
        if list.get(end) != Some(&Token::Dot) {
            break;
        }
        end += 1;
    }
    (parts, end)
}

/// Returns the position behind the name of a type that begins at `at`.
fn after_type(list: &[Token], at: usize) -> usize {
    let mut end = dotted(list, at).1;
    loop {
        match list.get(end) {
            Some(Token::Word { text, quoted: false }) if TYPE_WORDS.contains(&text.as_str()) => end += 1,
            Some(Token::Open) if matches!(list.get(end + 1), Some(Token::Number(_))) => {
                end +=
                    list[end..].iter().position(|token| *token == Token::Close).map_or(1, |close| close + 1);
            }
            Some(Token::Bracket(_)) => end += 1,
            _ => return end,
        }
    }
}

/// Returns what must hold together in a condition's text.
pub fn comparisons(text: &str) -> Vec<Comparison> {
    conjuncts(&tokens(text)).into_iter().map(comparison).collect()
}

/// Returns every comparison in a condition's text, whether it must hold or is one of several that may.
pub fn alternatives(text: &str) -> Vec<Comparison> {
    let list = tokens(text);
    let mut open = conjuncts(&list);
    let mut found = Vec::new();
    while let Some(part) = open.pop() {
        let part = stripped(part);
        let parts = split(part, |token| token.is("or") || token.is("and"));
        match parts.len() {
            1 => found.push(comparison(part)),
            _ => open.extend(parts),
        }
    }
    found
}

fn conjuncts(list: &[Token]) -> Vec<&[Token]> {
    let list = stripped(list);
    let parts = split(list, |token| token.is("and"));
    // BETWEEN is printed as two comparisons, so every AND outside CASE separates.
    if parts.len() == 1 || list.first().is_some_and(|token| token.is("case")) {
        return vec![list];
    }
    parts.into_iter().flat_map(conjuncts).collect()
}

/// Splits at the words for which `ends` holds, outside parentheses and brackets.
fn split(list: &[Token], ends: impl Fn(&Token) -> bool) -> Vec<&[Token]> {
    let (mut parts, mut start) = (Vec::new(), 0);
    for at in level_zero(list) {
        if ends(&list[at]) {
            parts.push(&list[start..at]);
            start = at + 1;
        }
    }
    parts.push(&list[start..]);
    parts
}

/// Returns the positions outside parentheses and brackets.
fn level_zero(list: &[Token]) -> Vec<usize> {
    let (mut depth, mut found) = (0i32, Vec::new());
    for (at, token) in list.iter().enumerate() {
        match token {
            Token::Open | Token::Bracket('[') => depth += 1,
            Token::Close | Token::Bracket(_) => depth -= 1,
            _ if depth == 0 => found.push(at),
            _ => {}
        }
    }
    found
}

/// Takes parentheses away that enclose everything.
fn stripped(mut list: &[Token]) -> &[Token] {
    while let [Token::Open, inner @ .., Token::Close] = list {
        let mut depth = 0;
        let whole = inner.iter().all(|token| {
            depth += i32::from(*token == Token::Open) - i32::from(*token == Token::Close);
            depth >= 0
        });
        if !whole {
            break;
        }
        list = inner;
    }
    list
}

fn comparison(list: &[Token]) -> Comparison {
    let alone =
        |operator: &str, list| Comparison { left: side(list), operator: operator.to_owned(), right: None };
    if split(list, |token| token.is("or")).len() > 1 {
        return alone("OR", list);
    }
    let outer = level_zero(list);
    if let Some(at) = outer.iter().copied().find(|at| list[*at].is("is")) {
        let not = list.get(at + 1).is_some_and(|token| token.is("not"));
        return alone(if not { "IS NOT NULL" } else { "IS NULL" }, &list[..at]);
    }
    let operator = outer.into_iter().find_map(|at| match &list[at] {
        Token::Operator(text) if at > 0 => Some((at, text.clone())),
        _ => None,
    });
    match operator {
        Some((at, operator)) => {
            Comparison { left: side(&list[..at]), operator, right: Some(side(&list[at + 1..])) }
        }
        None => alone("", list),
    }
}

fn side(list: &[Token]) -> Side {
    let list = stripped(list);
    if let [any, inner @ ..] = list
        && any.is("any")
    {
        return match side(inner) {
            Side::Param(number) => Side::AnyParam(number),
            Side::Constant(_) => Side::AnyConstant,
            _ => expression(list),
        };
    }
    let cast = level_zero(list).into_iter().find(|at| list[*at] == Token::Cast);
    if let Some(cast) = cast.filter(|cast| after_type(list, cast + 1) == list.len()) {
        return below_cast(side(&list[..cast]), &list[cast + 1..]);
    }
    match list {
        [Token::Param(number)] => Side::Param(*number),
        [Token::Text(text)] | [Token::Number(text)] => Side::Constant(text.clone()),
        [Token::Operator(sign), Token::Number(text)] => Side::Constant(format!("{sign}{text}")),
        [word] if word.is("true") || word.is("false") || word.is("null") => Side::Constant(String::new()),
        _ => match spots(list).as_slice() {
            [(0, column)] if dotted(list, 0).1 == list.len() => Side::Column(column.clone()),
            _ => expression(list),
        },
    }
}

fn expression(list: &[Token]) -> Side {
    let found = spots(list);
    // `c.title` is printed as three words; an index knows no alias.
    let aliases: Vec<usize> =
        found.iter().filter(|(_, column)| column.alias.is_some()).flat_map(|(at, _)| [*at, at + 1]).collect();
    let kept = list.iter().enumerate().filter(|(at, _)| !aliases.contains(at));
    let sql = sql(&kept.map(|(_, token)| token.clone()).collect::<Vec<_>>());
    Side::Expression(found.into_iter().map(|(_, column)| column).collect(), sql)
}

fn below_cast(inner: Side, type_name: &[Token]) -> Side {
    let name = match type_name.first() {
        Some(Token::Word { text, .. }) => text.clone(),
        _ => String::new(),
    };
    match inner {
        // varchar and text share their operators (binary coercible), so an index still fits.
        Side::Column(column) if name == "text" => Side::Column(column),
        Side::Column(column) => Side::Cast(column, name),
        other => other,
    }
}

impl Comparison {
    /// Returns the column that is compared with something that is fixed during a scan: a constant, a parameter,
    /// or a value of another relation than `alias`.
    pub fn column_against_value(&self, alias: Option<&str>) -> Option<(&ColumnName, &Side)> {
        let own = |column: &ColumnName| column.alias.is_none() || column.alias.as_deref() == alias;
        let fixed = |side: &Side| match side {
            Side::Column(column) | Side::Cast(column, _) => !own(column),
            Side::Expression(columns, _) => !columns.iter().any(own),
            _ => true,
        };
        match (&self.left, self.right.as_ref()?) {
            (Side::Column(column), value) if own(column) && fixed(value) => Some((column, value)),
            (value, Side::Column(column)) if own(column) && fixed(value) => Some((column, value)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> String {
        let shown = |one: ColumnName| match one.alias {
            Some(alias) => format!("{alias}.{}", one.column),
            None => one.column,
        };
        columns(text).into_iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn columns_are_neither_functions_nor_types_nor_key_words() {
        assert_eq!(
            names(
                "((c.status = 'published'::text) AND (c.deleted_at IS NULL) AND (lower((c.\"Odd\")::text) = $1))"
            ),
            "c.status c.deleted_at c.Odd"
        );
        assert_eq!(names("((at)::timestamp without time zone > now())"), "at");
        assert_eq!(names("(ROW(a, b) < ROW($1, '1'::character varying(3)[]))"), "a b");
        assert_eq!(names("((name COLLATE \"C\") ~~ '%x%'::text)"), "name");
        assert_eq!(names("(hashed SubPlan 2)"), "");
        assert_eq!(names("((t.at AT TIME ZONE 'UTC'::text))::date"), "t.at");
    }

    #[test]
    fn comparisons_name_their_sides() {
        let found = comparisons(
            "((e.user_id = $1) AND ((e.kind)::text = ANY ($2)) AND ((a)::date > '2025-01-01'::date) AND (d IS NULL))",
        );
        let column = |alias: Option<&str>, name: &str| ColumnName {
            alias: alias.map(str::to_owned),
            column: name.to_owned(),
        };
        assert_eq!(found.len(), 4);
        assert_eq!(
            found[0].column_against_value(Some("e")),
            Some((&column(Some("e"), "user_id"), &Side::Param(1)))
        );
        assert_eq!(found[1].right, Some(Side::AnyParam(2)));
        assert_eq!(found[2].left, Side::Cast(column(None, "a"), "date".to_owned()));
        assert_eq!(
            (found[3].operator.as_str(), &found[3].left),
            ("IS NULL", &Side::Column(column(None, "d")))
        );
    }

    #[test]
    fn a_join_compares_with_a_value_of_the_other_side() {
        let found = comparisons("(e.course_id = c.id)");
        let (column, _) = found[0].column_against_value(Some("c")).unwrap();
        assert_eq!(column.column, "id");
        assert_eq!(found[0].column_against_value(Some("x")), None);
    }

    #[test]
    fn alternatives_stay_together() {
        let found = comparisons("(($1 IS NULL) OR (p.kind = $1))");
        assert_eq!(found[0].operator, "OR");
    }
}
