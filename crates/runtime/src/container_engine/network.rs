//! The network of a home: a bridge of its own, in which every task has an address.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::subnets::{Subnet, candidates};
use super::{ContainerPlace, EngineError, HOME_LABEL, Method, Shared, turn};

/// A subnet that tasks get their addresses of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    first: u32,
    last: u32,
    gateway: Option<Ipv4Addr>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    #[serde(rename = "IPAM")]
    addresses: Addresses,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Addresses {
    #[serde(default)]
    config: Vec<Range>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Range {
    subnet: String,
    gateway: Option<String>,
}

impl Network {
    /// Finds the network of a home, or makes it.
    pub async fn ensure(place: &ContainerPlace, home: &Path) -> Result<Self, EngineError> {
        if let Some(range) = inspect(place).await? {
            return parse(&range);
        }
        let _turn = turn(home, Shared::Network).await?;
        let mut refusal = None;
        for subnet in candidates(&place.home) {
            if let Some(range) = inspect(place).await? {
                return parse(&range);
            }
            match create(place, subnet).await {
                Ok(()) => {}
                // Another network of the engine has this subnet; and Podman stumbles over networks that come and go in that moment.
                Err(error) if error.is_refusal() => refusal = Some(error),
                Err(error) => return Err(error),
            }
        }
        match inspect(place).await? {
            Some(range) => parse(&range),
            None => Err(refusal.unwrap_or(EngineError::NoSubnet)),
        }
    }

    /// Removes the network of a home; one that is not there is as good.
    pub async fn remove(place: &ContainerPlace) -> Result<(), EngineError> {
        match place.client().ask(Method::DELETE, &format!("/networks/{}", place.network()), None).await {
            Err(error) if error.status() != Some(404) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Finds an address that is not taken, beginning behind `last`, so that one is given again as late as can be.
    pub fn free_address(&self, last: Option<IpAddr>, taken: &dyn Fn(IpAddr) -> bool) -> Option<IpAddr> {
        let last = match last {
            Some(IpAddr::V4(last)) if (self.first..=self.last).contains(&last.to_bits()) => last.to_bits(),
            Some(_) | None => self.first,
        };
        let candidates = (last..=self.last).skip(1).chain(self.first..=last).map(Ipv4Addr::from_bits);
        let mut free = candidates.filter(|address| Some(*address) != self.gateway).map(IpAddr::V4);
        free.find(|address| !taken(*address))
    }
}

async fn inspect(place: &ContainerPlace) -> Result<Option<Range>, EngineError> {
    match place.client().get(&format!("/networks/{}", place.network())).await {
        Ok(answer) => {
            let inspected: Inspected = answer.json()?;
            let mut ranges = inspected.addresses.config.into_iter();
            let range = ranges.find(|range| range.subnet.contains('.'));
            range.map(Some).ok_or_else(|| EngineError::Garbled("a network without IPv4".to_owned()))
        }
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn create(place: &ContainerPlace, subnet: Subnet) -> Result<(), EngineError> {
    let request = json!({
        "Name": place.network(), "Driver": "bridge", "CheckDuplicate": true, "Labels": { HOME_LABEL: place.home },
        "IPAM": { "Driver": "default", "Config": [{ "Subnet": subnet.to_string() }] },
    });
    place.client().ask(Method::POST, "/networks/create", Some(&request)).await.map(drop)
}

fn parse(range: &Range) -> Result<Network, EngineError> {
    let garbled = || EngineError::Garbled(format!("a subnet {:?}", range.subnet));
    let (address, length) = range.subnet.split_once('/').ok_or_else(garbled)?;
    let address: Ipv4Addr = address.parse().map_err(|_| garbled())?;
    let length: u32 = length.parse().map_err(|_| garbled())?;
    // Smaller ones have no room for two tasks beside the gateway.
    if !(8..=29).contains(&length) {
        return Err(garbled());
    }
    let hosts = u32::MAX >> length;
    let network = address.to_bits() & !hosts;
    let gateway = range.gateway.as_deref().and_then(|gateway| gateway.parse().ok());
    Ok(Network {
        // The first host is the gateway's wherever none is named.
        first: network + 2,
        last: network + hosts - 1,
        gateway,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(subnet: &str, gateway: &str) -> Network {
        parse(&Range { subnet: subnet.to_owned(), gateway: Some(gateway.to_owned()) }).expect("a network")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn addresses_are_given_in_turn_and_never_the_gateways() {
        let network = network("10.1.2.0/29", "10.1.2.4");
        let mut last = None;
        let mut given = Vec::new();
        for _ in 0..6 {
            last = network.free_address(last, &|_| false);
            given.push(last.expect("there is room").to_string());
        }
        assert_eq!(given, ["10.1.2.3", "10.1.2.5", "10.1.2.6", "10.1.2.2", "10.1.2.3", "10.1.2.5"]);
    }

    #[test]
    fn what_is_taken_is_not_given_and_a_full_network_gives_nothing() {
        let network = network("172.18.0.0/16", "172.18.0.1");
        let taken = |wanted: IpAddr| wanted == address("172.18.0.3");
        assert_eq!(network.free_address(None, &taken), Some(address("172.18.0.4")));
        let last = Some(address("172.18.255.254"));
        assert_eq!(network.free_address(last, &|_| false), Some(address("172.18.0.2")));
        assert_eq!(network.free_address(Some(address("10.0.0.1")), &|_| true), None);
    }

    #[test]
    fn a_subnet_that_makes_no_sense_is_refused() {
        for subnet in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/30", "a/24", "10.0.0.0/0"] {
            assert!(parse(&Range { subnet: subnet.to_owned(), gateway: None }).is_err(), "{subnet}");
        }
    }
}
