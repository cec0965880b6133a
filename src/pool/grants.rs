//! From roles and principal tags, desired and observed, to the calls that make them equal.
//!
//! In two parts, because the pool's providers stand between them: what has to go before its
//! provider goes, and what can only come when its provider is there.

use super::access::{self, Access, Change, RoleSet, TagMap};
use super::call::Call;
use super::facts::Asked;
use super::plan::Planned;
use super::settings::{PoolId, Settings};
use crate::api::{FieldDrift, Managed};

/// What is known of a pool's roles and principal tags.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    /// What this object set before.
    pub(super) managed: &'a Managed,
    /// Roles as seen; `None` where nobody manages them, so that they were not looked at.
    pub(super) roles: Option<&'a RoleSet>,
    /// The principal tags of a provider as seen; `None` where it has no map.
    pub(super) tags: &'a dyn Fn(&str) -> Option<&'a TagMap>,
    /// What this pass asked for already.
    pub(super) asked: &'a Asked,
}

/// The settings around: as they are, and as they will be.
#[derive(Clone, Copy)]
pub(super) struct Pool<'a> {
    pub(super) id: &'a PoolId,
    pub(super) before: &'a Settings,
    pub(super) after: &'a Settings,
}

/// Calls before and after the update of the pool itself.
#[derive(Debug, Default)]
pub(super) struct Grants {
    pub(super) before: Vec<Planned>,
    pub(super) after: Vec<Planned>,
    /// The spec fields that differ.
    pub(super) differences: Vec<FieldDrift>,
    /// Those of them that were asked for and still differ.
    pub(super) not_taken: Vec<FieldDrift>,
}

/// Makes the calls.
pub(super) fn grants(desired: &Access, input: Input<'_>, pool: Pool<'_>) -> Grants {
    let mut grants = Grants::default();
    if let Some(observed) = input.roles {
        grants.roles(desired, input, pool, observed);
    }
    let (asked_for, given_up) = access::wanted_tags(desired, input.managed);
    for (provider, map) in given_up {
        if !access::is_default((input.tags)(&provider)) {
            let call = grants.tags(input, pool, provider, map);
            grants.before.extend(call);
        }
    }
    for (provider, map) in asked_for {
        if !access::is_as(&map, (input.tags)(&provider)) {
            let call = grants.tags(input, pool, provider, map);
            grants.after.extend(call);
        }
    }
    grants
}

impl Grants {
    fn roles(&mut self, desired: &Access, input: Input<'_>, pool: Pool<'_>, observed: &RoleSet) {
        let change = Change {
            before: pool.before,
            after: pool.after,
        };
        let wanted = access::wanted_roles(desired, input.managed, observed, change);
        let drift = access::role_drift(&wanted, observed);
        if drift.is_empty() {
            return;
        }
        let set = |set: RoleSet| Call::SetIdentityPoolRoles {
            id: pool.id.clone(),
            set,
        };
        let first = pool.before != pool.after && access::goes_first(&wanted, observed, change);
        let narrow = first.then(|| access::in_between(&wanted, observed, change));
        let narrow = narrow.filter(|narrow| input.asked.roles.as_ref() != Some(narrow));
        if let Some(narrow) = &narrow {
            let away = access::role_drift(narrow, observed);
            self.before.push(Planned::new(set(narrow.clone()), &away));
        }
        if input.asked.roles.as_ref() == Some(&wanted) {
            self.not_taken.extend(drift.clone());
        } else if narrow.as_ref() != Some(&wanted) {
            self.after.push(Planned::new(set(wanted), &drift));
        }
        self.differences.extend(drift);
    }

    fn tags(
        &mut self,
        input: Input<'_>,
        pool: Pool<'_>,
        provider: String,
        map: TagMap,
    ) -> Option<Planned> {
        let drift = access::tag_drift(&provider, &map, (input.tags)(&provider));
        self.differences.extend(drift.clone());
        if input.asked.principal_tags.get(&provider) == Some(&map) {
            self.not_taken.extend(drift);
            return None;
        }
        let call = Call::SetPrincipalTagAttributeMap {
            id: pool.id.clone(),
            provider,
            map,
        };
        Some(Planned::new(call, drift.as_slice()))
    }
}
