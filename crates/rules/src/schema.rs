//! All schema rules, one file each.
//!
//! UP110, UP111 and UP112 are those of the proof `normal-form`, which reads the rows.

mod array_of_references;
mod blob_in_row;
mod boolean_as_text;
mod char_n;
mod check_missing;
mod constraint_not_valid;
mod created_at_no_default;
mod csv_in_column;
mod date_as_text;
mod denormalised_unmaintained;
mod derived_column;
mod eav;
mod fk_missing;
mod fk_name;
mod fk_no_delete_rule;
mod fk_no_index;
mod fk_type_mismatch;
mod index_invalid;
mod int_key_overflow;
mod json_not_jsonb;
mod money_float;
mod money_type;
mod name_inconsistent;
mod name_not_snake_case;
mod name_reserved_word;
mod no_primary_key;
mod not_null_missing;
mod nullable_boolean;
mod number_as_text;
mod orphan_values;
mod polymorphic_association;
mod repeating_group;
mod rls_column_no_index;
mod rls_missing;
mod rls_no_policy;
mod rls_not_forced;
mod rls_per_row_call;
mod rls_policy_always_true;
mod rls_policy_without_rls;
mod secret_in_clear;
mod sequence_behind;
mod sequence_exhausted;
mod serial_not_identity;
mod table_not_plural;
mod timestamp_no_tz;
mod trigger_disabled;
mod unique_missing;
mod unique_nullable;
mod unique_violated;
mod uuid_as_text;
mod varchar_n;

use crate::rule::SchemaRule;

/// Every schema rule, in the order of its number.
static RULES: [&SchemaRule; 51] = [
    &no_primary_key::RULE,
    &fk_missing::RULE,
    &fk_no_index::RULE,
    &fk_type_mismatch::RULE,
    &fk_no_delete_rule::RULE,
    &unique_missing::RULE,
    &unique_violated::RULE,
    &unique_nullable::RULE,
    &not_null_missing::RULE,
    &derived_column::RULE,
    &repeating_group::RULE,
    &csv_in_column::RULE,
    &eav::RULE,
    &polymorphic_association::RULE,
    &money_float::RULE,
    &money_type::RULE,
    &timestamp_no_tz::RULE,
    &char_n::RULE,
    &varchar_n::RULE,
    &nullable_boolean::RULE,
    &boolean_as_text::RULE,
    &date_as_text::RULE,
    &number_as_text::RULE,
    &json_not_jsonb::RULE,
    &int_key_overflow::RULE,
    &rls_missing::RULE,
    &rls_no_policy::RULE,
    &rls_not_forced::RULE,
    &rls_policy_always_true::RULE,
    &rls_policy_without_rls::RULE,
    &rls_per_row_call::RULE,
    &rls_column_no_index::RULE,
    &name_not_snake_case::RULE,
    &name_reserved_word::RULE,
    &index_invalid::RULE,
    &constraint_not_valid::RULE,
    &orphan_values::RULE,
    &secret_in_clear::RULE,
    &blob_in_row::RULE,
    &table_not_plural::RULE,
    &fk_name::RULE,
    &name_inconsistent::RULE,
    &denormalised_unmaintained::RULE,
    &trigger_disabled::RULE,
    &sequence_exhausted::RULE,
    &sequence_behind::RULE,
    &serial_not_identity::RULE,
    &created_at_no_default::RULE,
    &array_of_references::RULE,
    &check_missing::RULE,
    &uuid_as_text::RULE,
];

/// Returns every schema rule, in the order of its number.
pub fn all() -> &'static [&'static SchemaRule] {
    &RULES
}

/// Returns the rule of a slug such as `fk-no-index`, or of a number such as `UP103`.
pub fn by_code(name: &str) -> Option<&'static SchemaRule> {
    let named =
        |rule: &&&'static SchemaRule| rule.code.rule == name || rule.code.code.eq_ignore_ascii_case(name);
    RULES.iter().find(named).copied()
}
