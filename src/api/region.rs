//! What a region of AWS looks like: one shape for `spec.region` and for the operator's own.
//!
//! A shape, not a list: AWS opens regions faster than we release.

use regex_lite::Regex;

/// In the syntax that CEL and Rust share.
pub(super) const SHAPE: &str = "^[a-z]{2,8}(-[a-z]{2,16}){1,3}-[0-9]{1,2}$";

/// Whether a text has the shape.
#[must_use]
pub fn is_region(text: &str) -> bool {
    Regex::new(SHAPE).is_ok_and(|shape| shape.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_told_from_zones_and_from_places() {
        for region in [
            "eu-west-1",
            "us-gov-east-1",
            "ap-southeast-10",
            "us-iso-east-1",
        ] {
            assert!(is_region(region), "{region}");
        }
        for other in [
            "",
            "ireland",
            "eu-west-1a",
            "EU-WEST-1",
            "eu-west-1\n",
            "x eu-west-1",
        ] {
            assert!(!is_region(other), "{other:?}");
        }
    }
}
