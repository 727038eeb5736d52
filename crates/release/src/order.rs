//! In which order services are deployed: each after those it depends on, the others side by side.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::ServiceName;
use crate::plan::ServicePlan;

/// Who depends on whom.
pub(crate) type Dependencies = BTreeMap<ServiceName, Vec<ServiceName>>;

/// Services that depend on each other in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Circle(pub Vec<ServiceName>);

/// Collects who of a plan depends on whom of it; who is left out of the plan is as it is.
pub(crate) fn dependencies(services: &[ServicePlan]) -> Dependencies {
    let is_there = |name: &&ServiceName| services.iter().any(|service| service.name == **name);
    let of = |service: &ServicePlan| service.depends_on.iter().filter(is_there).cloned().collect();
    services.iter().map(|service| (service.name.clone(), of(service))).collect()
}

/// Sorts services into waves: each depends on services of earlier waves only.
pub(crate) fn waves(dependencies: &Dependencies) -> Result<Vec<Vec<ServiceName>>, Circle> {
    let mut left = dependencies.clone();
    let mut waves = Vec::new();
    while !left.is_empty() {
        let is_ready = |needs: &Vec<ServiceName>| needs.iter().all(|need| !left.contains_key(need));
        let wave: Vec<ServiceName> =
            left.iter().filter(|(_, needs)| is_ready(needs)).map(|(name, _)| name.clone()).collect();
        if wave.is_empty() {
            return Err(circle(&left));
        }
        wave.iter().for_each(|name| drop(left.remove(name)));
        waves.push(wave);
    }
    Ok(waves)
}

/// Follows dependencies until one comes again; each of these has one that is left.
fn circle(left: &Dependencies) -> Circle {
    let mut path: Vec<ServiceName> = left.keys().take(1).cloned().collect();
    while let Some(next) = path.last().and_then(|name| left[name].iter().find(|need| left.contains_key(*need))).cloned()
    {
        if let Some(place) = path.iter().position(|name| *name == next) {
            let mut circle = path.split_off(place);
            circle.push(next);
            return Circle(circle);
        }
        path.push(next);
    }
    Circle(path)
}

/// Finds a circle of dependencies, in words.
pub(crate) fn circle_in_words(dependencies: &Dependencies) -> Option<String> {
    let Circle(members) = waves(dependencies).err()?;
    Some(members.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" → "))
}

/// Returns everybody that a service is connected with by dependencies, in either direction, itself included.
pub(crate) fn group(dependencies: &Dependencies, of: &ServiceName) -> BTreeSet<ServiceName> {
    let mut group = BTreeSet::from([of.clone()]);
    loop {
        let touches = |(name, needs): &(&ServiceName, &Vec<ServiceName>)| {
            group.contains(*name) || needs.iter().any(|need| group.contains(need))
        };
        let touched = dependencies.iter().filter(touches);
        let wider: BTreeSet<ServiceName> =
            touched.flat_map(|(name, needs)| needs.iter().chain([name])).chain(&group).cloned().collect();
        if wider == group {
            return group;
        }
        group = wider;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ServiceName {
        text.parse().expect("a name")
    }

    fn graph(edges: &[(&str, &[&str])]) -> Dependencies {
        edges.iter().map(|(one, needs)| (name(one), needs.iter().map(|need| name(need)).collect())).collect()
    }

    fn told(waves: Vec<Vec<ServiceName>>) -> Vec<String> {
        waves.iter().map(|wave| wave.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn each_comes_after_those_it_depends_on() {
        let shop = graph(&[("web", &["api", "auth"]), ("api", &["db"]), ("auth", &["db"]), ("db", &[]), ("mail", &[])]);
        assert_eq!(told(waves(&shop).expect("no circle")), ["db mail", "api auth", "web"]);
        assert_eq!(told(waves(&graph(&[])).expect("no circle")), Vec::<String>::new());
    }

    #[test]
    fn a_circle_is_told_with_its_members_only() {
        let Err(Circle(members)) = waves(&graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])])) else {
            panic!("there is a circle");
        };
        assert_eq!(members, [name("b"), name("c"), name("b")]);
        assert_eq!(waves(&graph(&[("a", &["a"])])), Err(Circle(vec![name("a"), name("a")])));
    }

    #[test]
    fn a_group_is_whoever_is_connected() {
        let shop = graph(&[("web", &["api"]), ("api", &["db"]), ("db", &[]), ("report", &["db"]), ("mail", &[])]);
        let of = |service: &str| group(&shop, &name(service)).len();
        assert_eq!((of("web"), of("db"), of("report"), of("mail")), (4, 4, 4, 1));
    }
}
