//! The evaluation of expressions.

use underpin_model::expression::{EvaluateError, Expression, Value};

fn binary(left: Value, operator: &str, right: Value) -> Result<Value, EvaluateError> {
    let literal = |value| {
        Box::new(match value {
            Value::Null => Expression::Null,
            Value::Boolean(value) => Expression::Boolean(value),
            Value::Integer(value) => Expression::Integer(value),
            Value::Double(value) => Expression::Double(value),
        })
    };
    evaluate(&Expression::Binary(operator.to_owned(), literal(left), literal(right)))
}

fn evaluate(expression: &Expression) -> Result<Value, EvaluateError> {
    expression.evaluate(&|name| (name == "x").then_some(Value::Integer(7)), &mut |low, _| low)
}

fn call(name: &str, arguments: &[Expression]) -> Result<Value, EvaluateError> {
    evaluate(&Expression::Call(name.to_owned(), arguments.to_vec()))
}

use Value::{Boolean, Double, Integer, Null};

#[test]
fn arithmetic_stays_integer_until_a_double_comes() {
    assert_eq!(binary(Integer(7), "/", Integer(2)), Ok(Integer(3)));
    assert_eq!(binary(Integer(7), "/", Double(2.0)), Ok(Double(3.5)));
    assert_eq!(binary(Integer(-7), "%", Integer(3)), Ok(Integer(-1)));
    assert_eq!(binary(Double(7.6), "%", Integer(3)), Ok(Integer(2)));
    assert_eq!(binary(Integer(1), "<", Double(1.5)), Ok(Boolean(true)));
    assert_eq!(binary(Integer(6), "#", Integer(3)), Ok(Integer(5)));
    assert_eq!(binary(Integer(1), "<<", Integer(4)), Ok(Integer(16)));
    assert_eq!(binary(Null, "+", Integer(1)), Ok(Null));
    assert_eq!(binary(Integer(1), "=", Null), Ok(Null));
}

#[test]
fn overflow_and_division_by_zero_are_errors() {
    assert_eq!(binary(Integer(i64::MAX), "+", Integer(1)), Err(EvaluateError::Overflow("+".into())));
    assert_eq!(binary(Integer(i64::MIN), "/", Integer(-1)), Err(EvaluateError::Overflow("/".into())));
    assert_eq!(binary(Integer(i64::MIN), "%", Integer(-1)), Ok(Integer(0)));
    assert_eq!(binary(Integer(1), "%", Integer(0)), Err(EvaluateError::DivideByZero));
    assert_eq!(binary(Integer(1), "/", Integer(0)), Err(EvaluateError::DivideByZero));
    assert_eq!(binary(Double(1.0), "/", Integer(0)), Ok(Double(f64::INFINITY)));
    assert!(call("int", &[Expression::Double(1e30)]).is_err());
    assert!(call("abs", &[Expression::Integer(i64::MIN)]).is_err());
    let minus = Expression::Unary("-".into(), Box::new(Expression::Integer(i64::MIN)));
    assert!(evaluate(&minus).is_err());
}

#[test]
fn booleans_are_no_numbers() {
    assert_eq!(binary(Boolean(true), "+", Integer(1)), Err(EvaluateError::Coerce("true".into(), "integer")));
    assert_eq!(binary(Integer(1), "and", Boolean(true)), Err(EvaluateError::Coerce("1".into(), "boolean")));
    assert_eq!(binary(Boolean(false), "and", Integer(1)), Ok(Boolean(false)), "the right side is not read");
    assert_eq!(binary(Boolean(true), "or", Null), Ok(Boolean(true)));
    assert_eq!(binary(Boolean(true), "and", Null), Ok(Null));
    assert_eq!(binary(Null, "and", Boolean(false)), Ok(Null));
    let not = Expression::Unary("not".into(), Box::new(Expression::Boolean(true)));
    assert_eq!(evaluate(&not), Ok(Boolean(false)));
}

#[test]
fn tests_and_cases() {
    let is =
        |operand, word: &str, negated| evaluate(&Expression::Is(Box::new(operand), word.into(), negated));
    assert_eq!(is(Expression::Null, "null", false), Ok(Boolean(true)));
    assert_eq!(is(Expression::Integer(0), "null", true), Ok(Boolean(true)));
    assert_eq!(is(Expression::Integer(1), "true", false), Ok(Boolean(false)));
    let zero = (Expression::Integer(0), Expression::Integer(1));
    let x = (Expression::Variable("x".into()), Expression::Integer(2));
    assert_eq!(evaluate(&Expression::Case(vec![zero.clone(), x], None)), Ok(Integer(2)));
    assert_eq!(evaluate(&Expression::Case(vec![zero], None)), Ok(Null));
}

#[test]
fn variables_are_read_and_listed() {
    let unknown = Expression::Variable("y".into());
    assert_eq!(evaluate(&unknown), Err(EvaluateError::ReadVariable("y".into())));
    let both = Expression::Call("least".into(), vec![Expression::Variable("x".into()), unknown]);
    assert_eq!(both.variables(), ["x", "y"]);
}

#[test]
fn functions() {
    let int = Expression::Integer;
    assert_eq!(call("least", &[int(3), int(1)]), Ok(Integer(1)));
    assert_eq!(call("greatest", &[int(3), Expression::Double(4.5)]), Ok(Double(4.5)));
    assert_eq!(call("int", &[Expression::Double(2.5)]), Ok(Integer(2)));
    assert_eq!(call("int", &[Expression::Double(-3.7)]), Ok(Integer(-4)));
    assert_eq!(call("power", &[int(2), int(10)]), Ok(Double(1024.0)));
    assert_eq!(call("sqrt", &[Expression::Null]), Ok(Null));
    assert_eq!(call("abs", &[int(-3)]), Ok(Integer(3)));
    assert_eq!(call("nosuch", &[]), Err(EvaluateError::CallFunction("nosuch".into())));
}

#[test]
fn random_draws_stay_in_their_range() {
    let int = Expression::Integer;
    assert_eq!(call("random", &[int(5), int(9)]), Ok(Integer(5)));
    assert!(call("random", &[int(9), int(5)]).is_err());
    assert!(call("random", &[int(i64::MIN), int(i64::MAX)]).is_err());
    assert!(call("random_gaussian", &[int(1), int(9), int(1)]).is_err());
    let mut state = 1_u64;
    let mut source = |low: i64, high: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + ((state >> 11) % ((high - low) as u64 + 1)) as i64
    };
    for (name, parameter) in [("random_gaussian", 2.5), ("random_exponential", 5.0), ("random_zipfian", 1.1)]
    {
        let draw = Expression::Call(name.into(), vec![int(1), int(100), Expression::Double(parameter)]);
        let mut drawn = [0_u32; 101];
        for _ in 0..2000 {
            match draw.evaluate(&|_| None, &mut source) {
                Ok(Integer(number)) if (1..=100).contains(&number) => drawn[number as usize] += 1,
                other => panic!("{name}: {other:?}"),
            }
        }
        let middle = if name == "random_gaussian" { 50 } else { 1 };
        assert!(drawn[middle] > drawn[99], "{name} favours {middle}: {drawn:?}");
    }
}

#[test]
fn texts_are_read_as_pgbench_reads_them() {
    let read = |text| Value::from_text(text).ok();
    assert_eq!(read("null"), Some(Null));
    assert_eq!(
        (read("t"), read("YES"), read("on"), read("o")),
        (Some(Boolean(true)), Some(Boolean(true)), Some(Boolean(true)), None)
    );
    assert_eq!(
        (read("f"), read("n"), read("of")),
        (Some(Boolean(false)), Some(Boolean(false)), Some(Boolean(false)))
    );
    assert_eq!(
        (read("-12"), read("1.5"), read("1e3")),
        (Some(Integer(-12)), Some(Double(1.5)), Some(Double(1000.0)))
    );
    assert_eq!(read("99999999999999999999"), Some(Double(1e20)));
    assert_eq!(
        (read(""), read("abc"), read("nan"), read("inf"), read("2026-01-01")),
        (None, None, None, None, None)
    );
}

#[test]
fn doubles_print_as_c_prints_them() {
    let text = |value| Double(value).to_text();
    assert_eq!(
        (text(1.5), text(1000.0), text(0.1 + 0.2), text(0.0)),
        ("1.5".into(), "1000".into(), "0.3".into(), "0".into())
    );
    assert_eq!(
        (text(1e20), text(1.5e-7), text(-123456.789)),
        ("1e+20".into(), "1.5e-07".into(), "-123456.789".into())
    );
    assert_eq!(
        (Null.to_text(), Boolean(true).to_text(), Integer(-1).to_text()),
        ("NULL".into(), "true".into(), "-1".into())
    );
}
