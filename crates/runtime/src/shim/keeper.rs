//! Keeps what a task's containers share: their network, their images, the count of what they use. Removes all that is left of the task
//! when its supervisor ends, whichever way.

mod usage;

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use seatrial_model::ContainerName;
use serde_json::{Map, Value, json};

use super::line::{Requests, Voice};
use super::{KeeperNews, KeeperOrder, Request, WantedImage};
use crate::container_engine::{
    Client, EngineError, Method, Network, StoredImage, ensure_named, ensure_pause, ensure_stored, ensure_volume,
    labels, own_address, pause_name, remove_container, remove_inhabitants, remove_of_task, remove_run,
};
use crate::directory::ImageDirectories;
use crate::supervisor::{Refusal, resolve};

/// How long the removal of what is left is tried again when the engine does not answer: within what a supervisor waits for its last
/// processes.
const REMOVAL_LIMIT: Duration = Duration::from_secs(8);

const REMOVAL_INTERVAL: Duration = Duration::from_millis(200);

/// Keeps the task until its supervisor ends.
pub(super) async fn run(order: KeeperOrder, mut requests: Requests, mut voice: Voice) {
    let client = order.place.client();
    {
        let work = async {
            prepare(&order, &client, &mut voice).await;
            tokio::join!(usage::tell(&order, &client, &mut voice), keep_network(&order, &client));
        };
        tokio::pin!(work);
        loop {
            tokio::select! {
                request = requests.next() => match request {
                    Some(Request::Remove { name, run }) => {
                        // What could not be removed now is when the task ends.
                        let _ = remove_run(&client, &name, run).await;
                    }
                    Some(Request::Stop | Request::Kill) => {}
                    None => break,
                },
                () = &mut work => break,
            }
        }
    }
    clean_up(&order).await;
}

/// Makes the network and has the images brought, and says of each container when it can be started.
async fn prepare(order: &KeeperOrder, client: &Client, voice: &mut Voice) {
    if let Err(reason) = share(order, client).await {
        let reason = format!("ResourceInitializationError: {reason}");
        for (container, _) in &order.images {
            let refusal = Refusal::initialization(&reason);
            voice.say(&KeeperNews::Refused { container: container.clone(), refusal }).await;
        }
        return;
    }
    for (container, image) in &order.images {
        let news = bring(order, client, container, image).await;
        voice.say(&news).await;
    }
}

/// Makes what the containers share before there are any.
async fn share(order: &KeeperOrder, client: &Client) -> Result<(), String> {
    for volume in &order.volumes {
        let made = ensure_volume(&order.place, &order.task, volume).await;
        made.map_err(|error| format!("could not make the volume {volume}: {error}"))?;
    }
    let held = hold_network(order, client).await;
    held.map_err(|error| format!("could not make the network of the task: {error}"))
}

async fn bring(order: &KeeperOrder, client: &Client, container: &ContainerName, image: &WantedImage) -> KeeperNews {
    let brought = match image {
        WantedImage::Stored(digest) => match resolve(&ImageDirectories::of(&order.home).contents, digest) {
            Ok(resolved) => {
                let layers = resolved.layers.into_iter().map(|layer| layer.path).collect();
                let image =
                    StoredImage { digest: resolved.digest, configuration: resolved.configuration_bytes, layers };
                ensure_stored(&order.place, &order.home, image).await
            }
            Err(refusal) => return KeeperNews::Refused { container: container.clone(), refusal },
        },
        WantedImage::Named(name) => ensure_named(client, name).await,
    };
    match brought {
        Ok(name) => KeeperNews::Image { container: container.clone(), name },
        Err(error) => {
            // A registry that is down answers as one that never had the image: only ECS's retries can tell.
            let refusal = Refusal::image_passing(error);
            KeeperNews::Refused { container: container.clone(), refusal }
        }
    }
}

/// Starts the container whose network the others share.
async fn hold_network(order: &KeeperOrder, client: &Client) -> Result<(), EngineError> {
    let image = ensure_pause(&order.place, &order.home).await?;
    Network::ensure(&order.place, &order.home).await?;
    let name = pause_name(&order.task);
    // A keeper before this one may have been killed; what it kept is as good as new while it runs.
    if is_running(client, &name).await? {
        return Ok(());
    }
    remove_container(client, &name).await?;
    let request = pause_request(order, &image);
    client.ask(Method::POST, &format!("/containers/create?name={name}"), Some(&request)).await?;
    client.ask(Method::POST, &format!("/containers/{name}/start"), None).await.map(drop)
}

async fn is_running(client: &Client, name: &str) -> Result<bool, EngineError> {
    let inspected: Value = match client.get(&format!("/containers/{name}/json")).await {
        Ok(answer) => answer.json()?,
        Err(error) if error.status() == Some(404) => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(inspected["State"]["Running"] == true)
}

/// Sees to it that the network stays. Without it a container runs on in a network of its own, where nobody reaches it and its own checks
/// find nothing wrong: it ends, as what it lived in has, and what is started after that finds another.
async fn keep_network(order: &KeeperOrder, client: &Client) {
    let name = pause_name(&order.task);
    loop {
        if let Ok(mut ended) = client.follow(&format!("/containers/{name}/wait"), None).await {
            while let Some(Ok(_)) = ended.frame().await {}
        }
        // It may be the engine that is gone, or not say so much; that is for the shims of the containers to judge.
        if let Ok(false) = is_running(client, &name).await {
            eprintln!("the container that holds the network of the task has ended");
            let removed = remove_inhabitants(&order.place, &order.task).await;
            if let Err(error) = removed.and(hold_network(order, client).await) {
                eprintln!("the network of the task could not be made again: {error}");
            }
        }
        tokio::time::sleep(REMOVAL_INTERVAL).await;
    }
}

fn pause_request(order: &KeeperOrder, image: &str) -> Value {
    let network = order.place.network();
    let mut request = json!({
        "Image": image,
        "Labels": labels(&order.place, &order.task, None),
        "StopTimeout": 0,
        "HostConfig": {
            "NetworkMode": network,
            "ReadonlyRootfs": true,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "LogConfig": { "Type": "none" },
        },
    });
    match own_address(order.address) {
        Some(address) => {
            let endpoint = json!({ "IPAMConfig": { "IPv4Address": address } });
            request["NetworkingConfig"] = json!({ "EndpointsConfig": { network: endpoint } });
        }
        None => {
            let mut bindings = Map::new();
            let mut exposed = Map::new();
            for port in &order.ports {
                let binding = json!([{ "HostIp": order.address, "HostPort": port.host_port.to_string() }]);
                bindings.insert(format!("{}/tcp", port.container_port), binding);
                exposed.insert(format!("{}/tcp", port.container_port), json!({}));
            }
            request["HostConfig"]["PortBindings"] = Value::Object(bindings);
            request["ExposedPorts"] = Value::Object(exposed);
        }
    }
    request
}

/// Removes the containers of the task. Twice: a request that was given up half-way may have been carried out after the first look.
async fn clean_up(order: &KeeperOrder) {
    let deadline = Instant::now() + REMOVAL_LIMIT;
    let mut clean_looks = 0;
    while clean_looks < 2 {
        match remove_of_task(&order.place, &order.task).await {
            Ok(()) => clean_looks += 1,
            Err(error) if Instant::now() >= deadline => {
                eprintln!("containers of the task may be left behind: {error}");
                return;
            }
            Err(_) => clean_looks = 0,
        }
        tokio::time::sleep(REMOVAL_INTERVAL).await;
    }
}
