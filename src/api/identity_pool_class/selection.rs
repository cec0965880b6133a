//! Whether a label selector takes a namespace, as Kubernetes reads selectors.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};

/// Whether labels are selected.
///
/// # Errors
/// What is wrong with the selector, in a sentence's second half.
pub fn selects(
    selector: &LabelSelector,
    labels: &BTreeMap<String, String>,
) -> Result<bool, String> {
    let selector: Selector = selector
        .clone()
        .try_into()
        .map_err(|error| format!("{error}"))?;
    Ok(selector.matches(labels))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn is_selected(selector: Value) -> Result<bool, String> {
        let labels = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
        let selector = serde_json::from_value(selector).expect("a selector");
        selects(&selector, &labels)
    }

    #[test]
    fn a_selector_without_words_takes_every_namespace() {
        assert_eq!(is_selected(json!({})), Ok(true));
    }

    #[test]
    fn labels_and_expressions_count_together() {
        let expression =
            |values: Value| json!([{ "key": "team", "operator": "In", "values": values }]);
        let both = |values| json!({ "matchLabels": { "team": "shop" }, "matchExpressions": expression(values) });
        assert_eq!(is_selected(both(json!(["shop", "web"]))), Ok(true));
        assert_eq!(is_selected(both(json!(["web"]))), Ok(false));
        assert_eq!(
            is_selected(json!({ "matchLabels": { "team": "web" } })),
            Ok(false)
        );
    }

    #[test]
    fn what_is_no_selector_takes_nobody() {
        let odd = json!({ "matchExpressions": [{ "key": "team", "operator": "Like" }] });
        assert!(is_selected(odd).is_err());
    }
}
