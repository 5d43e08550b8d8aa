//! Tests of the grammar of expressions.

use super::*;

/// Returns the expression with all its parentheses.
fn shape(text: &str) -> String {
    fn show(expression: &Expression) -> String {
        match expression {
            Expression::Null => "null".to_owned(),
            Expression::Boolean(value) => value.to_string(),
            Expression::Integer(value) => value.to_string(),
            Expression::Double(value) => format!("{value:?}"),
            Expression::Variable(name) => format!(":{name}"),
            Expression::Unary(operator, operand) => format!("({operator} {})", show(operand)),
            Expression::Binary(operator, left, right) => {
                format!("({} {operator} {})", show(left), show(right))
            }
            Expression::Is(operand, word, negated) => {
                format!("({} is {}{word})", show(operand), if *negated { "not " } else { "" })
            }
            Expression::Case(branches, otherwise) => {
                let branches: String = branches
                    .iter()
                    .map(|(when, then)| format!("when {} then {} ", show(when), show(then)))
                    .collect();
                format!("(case {branches}else {})", otherwise.as_deref().map_or("-".to_owned(), show))
            }
            Expression::Call(name, arguments) => {
                format!("{name}({})", arguments.iter().map(show).collect::<Vec<_>>().join(", "))
            }
        }
    }
    match parse(text) {
        Ok(expression) => show(&expression),
        Err(error) => format!("{}: {error}", error.column),
    }
}

#[test]
fn operators_bind_as_in_pgbench() {
    assert_eq!(shape("1 + 2 * 3 - 4"), "((1 + (2 * 3)) - 4)");
    assert_eq!(shape("1 | 2 & 3 << 4"), "(((1 | 2) & 3) << 4)");
    assert_eq!(shape("1 | 2 + 3"), "(1 | (2 + 3))");
    assert_eq!(shape("not :a = 1 and :b or :c"), "(((not (:a = 1)) and :b) or :c)");
    assert_eq!(shape(":a < 1 is true"), "((:a < 1) is true)");
    assert_eq!(shape("not :a is not null"), "(not (:a is not null))");
    assert_eq!(shape(":a isnull or :b notnull"), "((:a is null) or (:b is not null))");
    assert_eq!(shape("- :a * ~:b"), "((- :a) * (~ :b))");
    assert_eq!(shape("+1 - -2"), "(1 - -2)");
    assert_eq!(shape("1 != 2 or 1 <> 2"), "((1 <> 2) or (1 <> 2))");
    assert_eq!(shape("(1 + 2) % 3"), "((1 + 2) % 3)");
}

#[test]
fn values_calls_and_cases() {
    assert_eq!(shape("1.5 + .5 + 1e3 + 1.e-1"), "(((1.5 + 0.5) + 1000.0) + 0.1)");
    assert_eq!(shape("-9223372036854775808"), "-9223372036854775808");
    assert_eq!(shape("TRUE and Null"), "(true and null)");
    assert_eq!(shape("RANDOM(1, 10 * :scale)"), "random(1, (10 * :scale))");
    assert_eq!(shape("least(1, 2, 3) + pi()"), "(least(1, 2, 3) + pi())");
    assert_eq!(
        shape("CASE WHEN :größe > 1 THEN 1 WHEN true THEN 2 ELSE 3 END"),
        "(case when (:größe > 1) then 1 when true then 2 else 3)"
    );
    assert_eq!(shape("case when true then 1 end"), "(case when true then 1 else -)");
}

#[test]
fn what_is_no_expression_says_where_and_why() {
    insta::assert_snapshot!(
        [
            "", "1 +", "1 2", "(1", "1 < 2 < 3", "9223372036854775808", "1 $ 2", "'a'", "nosuch(1)", "hash(1)",
            "abs(1, 2)", "least()", "case else 1 end", "case when 1 then 2", ":a is maybe", ": a", "1e", "abs 1",
            "ü + ,",
        ]
        .map(|text| format!("[{text}] {}", shape(text)))
        .join("\n"),
        @r#"
        [] 1: the expression ends where a value is expected
        [1 +] 4: the expression ends where a value is expected
        [1 2] 3: `2` stands where the end of the expression is expected
        [(1] 3: the expression ends where `)` is expected
        [1 < 2 < 3] 7: `<` stands where the end of the expression is expected
        [9223372036854775808] 1: the number is beyond a 64-bit integer
        [1 $ 2] 3: `$` has no meaning in an expression
        ['a'] 1: `'` has no meaning in an expression
        [nosuch(1)] 1: `nosuch` is no function of pgbench; known are abs, debug, double, exp, greatest, int, least, ln, mod, pi, pow, power, random, random_exponential, random_gaussian, random_zipfian, sqrt
        [hash(1)] 1: `hash` is not supported: its value depends on pgbench's own seed
        [abs(1, 2)] 10: `abs` takes 1 arguments, not 2
        [least()] 8: `least` takes at least 1 arguments, not 0
        [case else 1 end] 6: `else` stands where WHEN is expected
        [case when 1 then 2] 19: the expression ends where `END` is expected
        [:a is maybe] 7: `maybe` stands where NULL, TRUE or FALSE is expected
        [: a] 1: `:` has no meaning in an expression
        [1e] 1: `1` has no meaning in an expression
        [abs 1] 5: `1` stands where `(` is expected
        [ü + ,] 1: `ü` is no function of pgbench; known are abs, debug, double, exp, greatest, int, least, ln, mod, pi, pow, power, random, random_exponential, random_gaussian, random_zipfian, sqrt
        "#
    );
}

#[test]
fn deep_nesting_is_an_error() {
    for piece in ["(", "-", "not "] {
        assert!(shape(&piece.repeat(500)).contains("nests too deeply"));
        assert!(shape(&piece.repeat(100_000)).contains("too long"));
    }
    let chain = format!("1{}", " + 1".repeat(90));
    assert!(!shape(&chain).contains("nests"));
}
