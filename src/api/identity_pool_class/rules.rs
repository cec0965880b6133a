//! The shape of a pattern, which several lists share.

use schemars::Schema;
use serde_json::json;

/// Most characters of a pattern: as many as an ARN has.
pub(super) const MOST_CHARACTERS: u32 = 2048;

/// Characters of the values that patterns stand for, with the two that stand for others.
const SHAPE: &str = "self.matches('^[A-Za-z0-9_+=,.@:/;*?-]+$')";

/// Bounds every pattern of a list, and refuses those that could match nothing.
pub(super) fn each_pattern(list: &mut Schema) {
    constrain(
        list,
        MOST_CHARACTERS,
        SHAPE,
        "a pattern has letters A-Z a-z, digits and _ + = , . @ : / ; - with * for any characters and \
         ? for one; it is no regular expression: write such a pattern",
    );
}

/// Patterns that have to name the kind of ARN, so that a lone `*` does not slip in.
pub(super) fn each_role_pattern(list: &mut Schema) {
    constrain(
        list,
        MOST_CHARACTERS,
        "self.matches('^arn:[a-z*?-]+:iam::[0-9*?]+:role/[A-Za-z0-9_+=,.@/*?-]+$')",
        "a pattern of roles is an ARN with * for any characters and ? for one: \
         arn:aws:iam::<account>:role/<path and name>, such as arn:aws:iam::123456789012:role/apps/*",
    );
}

/// Patterns of the names that pools have in AWS, which may have spaces.
pub(super) fn each_name_pattern(list: &mut Schema) {
    constrain(
        list,
        128,
        "self.matches('^[A-Za-z0-9_[:space:]+=,.@*?-]+$')",
        "a pattern of pool names has letters A-Z a-z, digits, white space and _ + = , . @ - with * for \
         any characters and ? for one; write such a pattern",
    );
}

/// Accounts, by their twelve digits.
pub(super) fn each_account(list: &mut Schema) {
    constrain(
        list,
        12,
        "self.matches('^[0-9]{12}$')",
        "an account is written as its 12 digits; write the whole number",
    );
}

/// Regions, as AWS writes them.
pub(super) fn each_region(list: &mut Schema) {
    let shape = format!("self.matches('{}')", crate::api::region::SHAPE);
    constrain(
        list,
        32,
        &shape,
        "a region is written as AWS writes it, such as eu-west-1, without the letter of a zone",
    );
}

fn constrain(list: &mut Schema, most: u32, rule: &str, message: &str) {
    if let Some(items) = list
        .get_mut("items")
        .and_then(|items| items.as_object_mut())
    {
        items.insert("maxLength".into(), most.into());
        items.insert(
            "x-kubernetes-validations".into(),
            json!([{ "rule": rule, "message": message }]),
        );
    }
}
