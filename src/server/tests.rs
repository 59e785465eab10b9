//! A node started and stopped, through its public doors.

use std::{path::Path, time::Duration};

use ods_api::{Client, Guard, InviteRequest, PublishQuery, RoleName, TlsTrust, Upload, Url};
use ods_store::PackagePath;
use tokio::time::timeout;

use super::{ADMIN_TOKEN_FILE, Server, StartError};
use crate::{
    config::{self, Environment, Flags, Resolution, Surroundings},
    run_file::{RUN_FILE, RunFile},
};

const DEADLINE: Duration = Duration::from_secs(30);

fn resolution(data: &Path, listen: &str, name: Option<&str>) -> Resolution {
    let flags = Flags {
        data: Some(data.to_owned()),
        name: name.map(ToOwned::to_owned),
        listen: vec![listen.to_owned()],
        ..Flags::default()
    };
    let machine =
        Surroundings { data: None, system_data: None, hostname: "machine".to_owned(), working_folder: data.to_owned() };
    config::resolve(&flags, &Environment::default(), &machine).expect("a plain configuration")
}

async fn start(data: &Path) -> Server {
    Server::start(&resolution(data, "127.0.0.1:0", None)).await.expect("the node starts")
}

/// A client as the CLI on this machine makes it: from the files in the data folder alone.
fn client(data: &Path) -> Client {
    let run: RunFile = serde_json::from_slice(&std::fs::read(data.join(RUN_FILE)).unwrap()).unwrap();
    let token = std::fs::read_to_string(data.join(ADMIN_TOKEN_FILE)).unwrap().trim().to_owned();
    let url = Url::parse(&format!("http://{}", run.listeners[0].address)).unwrap();
    Client::new(url, Some(token), TlsTrust::System).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_makes_all_that_a_client_on_the_machine_needs() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    assert!(server.facts().token_is_new);
    assert_eq!(server.facts().name, "machine");
    let node = client(folder.path()).node().await.unwrap();
    assert_eq!((node.id.as_str(), node.name.as_str()), (server.facts().node.to_string().as_str(), "machine"));
    timeout(DEADLINE, server.stop()).await.expect("it stops");
    assert!(!folder.path().join(RUN_FILE).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_starts_again_as_itself() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path()).await;
    let id = first.facts().node;
    timeout(DEADLINE, first.stop()).await.expect("it stops");
    let again = start(folder.path()).await;
    assert_eq!(again.facts().node, id);
    assert!(!again.facts().token_is_new);
    timeout(DEADLINE, again.stop()).await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_name_is_taken_over_and_a_default_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (given, expected) in [(None, "machine"), (Some("hq"), "hq"), (None, "hq")] {
        let server = Server::start(&resolution(folder.path(), "127.0.0.1:0", given)).await.unwrap();
        assert_eq!(client(folder.path()).node().await.unwrap().name, expected);
        assert_eq!(server.facts().name, expected);
        timeout(DEADLINE, server.stop()).await.expect("it stops");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_leaves_the_store_closed() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let Err(error) = Server::start(&resolution(folder.path(), &address, None)).await else {
        panic!("it started on a port in use");
    };
    assert!(matches!(error, StartError::Listen(_)), "{error}");
    assert!(error.to_string().contains("in use by another program"), "{error}");
    timeout(DEADLINE, start(folder.path()).await.stop()).await.expect("it stops");
}

async fn publish(client: &Client, path: &PackagePath, bytes: &'static [u8]) {
    let upload = Upload { reader: bytes, size: bytes.len() as u64, progress: |_| {} };
    client.publish(path, &PublishQuery::default(), &Guard::default(), upload).await.unwrap();
}

/// The package's bytes, once the node has them.
async fn download(client: &Client, path: &PackagePath) -> Vec<u8> {
    let waiting = async {
        let mut download = loop {
            match client.download(path, None).await {
                Ok(download) => break download,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = download.chunk().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        bytes
    };
    timeout(DEADLINE, waiting).await.expect("the package arrives")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_on_one_node_is_downloaded_from_the_other() {
    let (folder, other_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (server, other) = (start(folder.path()).await, start(other_folder.path()).await);
    let (hq, branch) = (client(folder.path()), client(other_folder.path()));
    let request = InviteRequest { role: RoleName::Replica, prefixes: Vec::new(), expires_in_s: 60 };
    let invite = hq.create_invite(&request).await.unwrap().invite.expect("a new invite has its line");
    branch.join(&invite).await.unwrap();

    let path = PackagePath::parse("tools/a.pkg").unwrap();
    publish(&hq, &path, b"the bytes of a package").await;
    assert_eq!(download(&branch, &path).await, b"the bytes of a package");
    timeout(DEADLINE, async { tokio::join!(server.stop(), other.stop()) }).await.expect("both stop");
}
