//! How the values of secrets get to a supervisor: once, over the socket it is born with, before anything else is said on it. They are
//! in the memory of the two and in no file; a supervisor keeps them for as long as it may have to start a container again.
//!
//! On the wire: four bytes of length, the lowest first, and so many of JSON.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::Duration;

use seatrial_model::task_definition::TaskDefinition;
use seatrial_model::{ContainerName, SecretText};

/// Values by container and variable.
pub(crate) type Values = BTreeMap<ContainerName, BTreeMap<String, SecretText>>;

/// The largest delivery: ten containers with more than a kernel lets a process have in its environment.
const DELIVERY_BYTES_MAX: usize = 32 << 20;

/// How long a supervisor waits for its values. The engine writes them right after it has started it, or is gone.
pub(crate) const DELIVERY_LIMIT: Duration = Duration::from_secs(10);

/// Tells whether a task's supervisor waits for a delivery.
pub(crate) fn is_wanted(definition: &TaskDefinition) -> bool {
    definition.containers.iter().any(|container| !container.secrets.is_empty())
}

/// Writes values as they are delivered.
pub(crate) fn pack(values: &Values) -> io::Result<Vec<u8>> {
    let exposed: BTreeMap<&str, BTreeMap<&str, &str>> = values
        .iter()
        .map(|(container, variables)| {
            let variables = variables.iter().map(|(name, value)| (name.as_str(), value.expose()));
            (container.as_str(), variables.collect())
        })
        .collect();
    let body = serde_json::to_vec(&exposed)?;
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= DELIVERY_BYTES_MAX);
    let length = length.ok_or_else(|| io::Error::other("the secrets of the task are too large"))?;
    Ok([&length.to_le_bytes()[..], &body].concat())
}

/// Reads a delivery and no byte more.
pub(crate) fn unpack(source: &mut impl Read) -> io::Result<Values> {
    let mut length = [0; 4];
    source.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > DELIVERY_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    source.read_exact(&mut body)?;
    // The cause would quote what it could not read.
    let exposed: BTreeMap<ContainerName, BTreeMap<String, String>> =
        serde_json::from_slice(&body).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    let hidden = |variables: BTreeMap<String, String>| {
        variables.into_iter().map(|(name, value)| (name, SecretText::new(value))).collect()
    };
    Ok(exposed.into_iter().map(|(container, variables)| (container, hidden(variables))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_read_to_its_end_and_no_further() {
        let name = ContainerName::parse("app").expect("a name");
        let values = Values::from([(name, BTreeMap::from([("TOKEN".to_owned(), SecretText::new("hunter2\n\"ä"))]))]);
        let mut bytes = pack(&values).expect("small enough");
        bytes.extend_from_slice(b"\"stop\"\n");
        let mut source = &bytes[..];
        assert_eq!(unpack(&mut source).expect("a delivery"), values);
        assert_eq!(source, b"\"stop\"\n");
        for cut in [0, 3, 10] {
            assert!(unpack(&mut &bytes[..cut]).is_err(), "{cut}");
        }
        assert!(unpack(&mut &[255; 8][..]).is_err());
    }
}
