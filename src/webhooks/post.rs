//! One attempt: a POST to a receiver, and what it said.
//!
//! Invariants: no redirect is followed, no proxy is used, and no connection is made but to an address that the webhook's
//! rules allow. A name is looked up anew for each connection, and what the rules judge is the very answer that is
//! connected to, so one that changes its mind in between gains nothing. An answer is read to 4 KB, and time is bounded.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ods_api::{AddressRefused, AddressRules, OwnAddresses, TlsTrust, Url, WebhookMessage, check_url};
use ods_store::{Attempt, DELIVERY_ANSWER_BYTES_MAX, UnixMillis, WebhookId, WebhookRow};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use rustls::ClientConfig;

use super::limits::{CONNECT_TIMEOUT, IDLE_TIMEOUT, SEND_TIMEOUT};
use super::sign::sign;

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// For the log.
    pub(super) attempt: Attempt,
    /// The receiver says that it will never take anything again (410).
    pub(super) gone: bool,
    /// When it wants to be asked again.
    pub(super) retry_after: Option<Duration>,
}

/// Sends to receivers, with a connection kept for each.
pub(super) struct Poster {
    own: OwnAddresses,
    names: Arc<dyn Resolve>,
    /// For certificates that this machine trusts; made when first needed, since it may read the whole store of them.
    tls: OnceLock<ClientConfig>,
    clients: Mutex<HashMap<WebhookId, (Url, bool, Client)>>,
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poster").field("own", &self.own).finish_non_exhaustive()
    }
}

impl Poster {
    /// A sender from the node that answers at `own`.
    pub(super) fn new(own: OwnAddresses) -> Self {
        Self::looking_up(own, Arc::new(SystemNames))
    }

    /// The same, which looks names up there.
    fn looking_up(own: OwnAddresses, names: Arc<dyn Resolve>) -> Self {
        Self { own, names, tls: OnceLock::new(), clients: Mutex::default() }
    }

    /// Makes one attempt. `manual`: somebody asked for it. `urls` are what the node is called by now.
    pub(super) async fn post(
        &self,
        row: &WebhookRow,
        message: &WebhookMessage,
        urls: Vec<String>,
        now: UnixMillis,
        manual: bool,
    ) -> Sent {
        let began = Instant::now();
        let outcome = self.try_post(row, message, urls, now).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let attempt = |status: Option<StatusCode>, error, answer| Attempt {
            at: now,
            took_ms,
            status: status.map(|status| status.as_u16()),
            error,
            answer,
            manual,
        };
        match outcome {
            Ok(Answer { status, text, retry_after }) => {
                let error = (!status.is_success()).then(|| said(status));
                Sent { attempt: attempt(Some(status), error, text), gone: status == StatusCode::GONE, retry_after }
            }
            Err(reason) => Sent { attempt: attempt(None, Some(reason), String::new()), gone: false, retry_after: None },
        }
    }

    /// Forgets the connections of webhooks that are gone.
    pub(super) fn keep_only(&self, ids: &[WebhookId]) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| ids.contains(id));
    }

    async fn try_post(
        &self,
        row: &WebhookRow,
        message: &WebhookMessage,
        urls: Vec<String>,
        now: UnixMillis,
    ) -> Result<Answer, String> {
        let own = self.own.clone().and_urls(urls);
        let rules = AddressRules { allow_private: row.settings.allow_private, own };
        let url = check_url(&row.settings.url, &rules).map_err(|error| error.to_string())?;
        let client = self.client(row.id, &url, rules)?;
        let secrets: Vec<_> = row.secrets(now).into_iter().cloned().collect();
        let headers = sign(&message.id, &message.body, &secrets, now);
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", headers.id)
            .header("webhook-timestamp", headers.timestamp)
            .header("webhook-signature", headers.signature)
            .body(message.body.clone());
        let mut response = request.send().await.map_err(|error| explain(&error))?;
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let mut answer = Vec::new();
        // What the receiver says doesn't change what it decided, so a body that breaks off is as good as it is.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = DELIVERY_ANSWER_BYTES_MAX - answer.len();
            answer.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if answer.len() == DELIVERY_ANSWER_BYTES_MAX {
                break;
            }
        }
        Ok(Answer { status, text: String::from_utf8_lossy(&answer).into_owned(), retry_after })
    }

    fn client(&self, id: WebhookId, url: &Url, rules: AddressRules) -> Result<Client, String> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, allow_private, client)) = clients.get(&id)
            && known == url
            && *allow_private == rules.allow_private
        {
            return Ok(client.clone());
        }
        let allow_private = rules.allow_private;
        let port = url.port_or_known_default().unwrap_or_default();
        let client = Client::builder()
            .user_agent(concat!("ods/", env!("CARGO_PKG_VERSION"), " (webhook)"))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(SEND_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(1)
            .dns_resolver(Arc::new(GuardedResolver { names: self.names.clone(), rules, port }))
            .tls_backend_preconfigured(self.tls(url).map_err(|error| error.to_string())?)
            .build()
            .map_err(|error| explain(&error))?;
        clients.insert(id, (url.clone(), allow_private, client.clone()));
        Ok(client)
    }
}

impl Poster {
    fn tls(&self, url: &Url) -> Result<ClientConfig, rustls::Error> {
        if url.scheme() != "https" {
            // Never used: redirects aren't followed. A machine that trusts no certificates sends plain HTTP all the same.
            return TlsTrust::Pin([0; 32]).client_config();
        }
        if let Some(config) = self.tls.get() {
            return Ok(config.clone());
        }
        let config = TlsTrust::System.client_config()?;
        Ok(self.tls.get_or_init(|| config).clone())
    }
}

struct Answer {
    status: StatusCode,
    text: String,
    retry_after: Option<Duration>,
}

fn said(status: StatusCode) -> String {
    let what = if status.is_redirection() { "; redirects are not followed" } else { "" };
    format!("the receiver said {status}{what}")
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Looks names up as this machine does.
struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Looks names up, and gives only addresses that may be connected to.
struct GuardedResolver {
    names: Arc<dyn Resolve>,
    rules: AddressRules,
    port: u16,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, rules, port) = (self.names.resolve(name), self.rules.clone(), self.port);
        Box::pin(async move {
            // The rest of an address stays: one that is local to a link names the link.
            let found = found.await?.map(move |mut address| {
                address.set_port(port);
                address
            });
            Ok(allowed(found, &rules)?)
        })
    }
}

/// The addresses that may be connected to; why not, if none may.
fn allowed(found: impl Iterator<Item = SocketAddr>, rules: &AddressRules) -> Result<Addrs, AddressRefused> {
    let (mut good, mut refused) = (Vec::new(), None);
    for address in found {
        match rules.check(address) {
            Ok(()) => good.push(address),
            Err(reason) => refused = Some(reason),
        }
    }
    match refused {
        Some(reason) if good.is_empty() => Err(reason),
        Some(_) | None => Ok(Box::new(good.into_iter())),
    }
}

/// An error of the connection in a line for people: the innermost cause tells most.
fn explain(error: &reqwest::Error) -> String {
    if error.is_timeout() && !error.is_connect() {
        return format!("no answer within {} s", SEND_TIMEOUT.as_secs());
    }
    let mut innermost: &dyn Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    if innermost.is::<AddressRefused>() {
        return innermost.to_string();
    }
    let what = if error.is_connect() { "can't connect" } else { "the connection broke" };
    format!("{what}: {innermost}")
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

    use ods_store::{Author, LocalDisk, Store, StoreOptions, WebhookSettings};

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);
    /// On the internet, as far as rules go; nobody has it.
    const PUBLIC: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2fff, 0xffff, 0, 0, 0, 0, 0, 1));
    const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// A server of names that gives these answers, one each time it is asked.
    struct Names(Mutex<Vec<IpAddr>>);

    impl Names {
        fn of(answers: &[IpAddr]) -> Arc<Self> {
            Arc::new(Self(Mutex::new(answers.iter().rev().copied().collect())))
        }

        fn left(&self) -> usize {
            self.0.lock().expect("no thread panics").len()
        }
    }

    impl Resolve for Names {
        fn resolve(&self, _: Name) -> Resolving {
            let answer =
                self.0.lock().expect("no thread panics").pop().expect("it is asked as often as it has answers");
            Box::pin(async move { Ok(Box::new(std::iter::once(SocketAddr::new(answer, 0))) as Addrs) })
        }
    }

    fn webhook(store: &Store, port: u16, allow_private: bool) -> WebhookRow {
        let settings = WebhookSettings {
            name: String::new(),
            url: format!("http://hooks.example.org:{port}/"),
            types: Vec::new(),
            paths: Vec::new(),
            tags: Vec::new(),
            allow_private,
        };
        store.create_webhook(&settings, &Author::new("test"), NOW).expect("made").row
    }

    /// Time is turned on whenever all wait, so an address where nobody is costs none.
    #[tokio::test(start_paused = true)]
    async fn a_name_whose_answer_changes_between_two_connections_is_judged_each_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "hq".to_owned() };
        let store = Store::open(Arc::new(LocalDisk::new()), folder.path(), &options).expect("a store");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("set");
        let port = listener.local_addr().expect("an address").port();
        let message = WebhookMessage { id: "msg_1".to_owned(), kind: "webhook.test".to_owned(), body: "{}".to_owned() };
        let send = async |poster: &Poster, row: &WebhookRow| {
            let sent = poster.post(row, &message, Vec::new(), NOW, false).await;
            sent.attempt.error.expect("nobody answers")
        };
        let is_reached = || match listener.accept() {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("{error}"),
        };

        let names = Names::of(&[PUBLIC, PRIVATE, PUBLIC]);
        let (poster, guarded) =
            (Poster::looking_up(OwnAddresses::default(), names.clone()), webhook(&store, port, false));
        for (left, expected) in
            [(2, "can't connect: "), (1, "127.0.0.1 is not a public address; "), (0, "can't connect: ")]
        {
            let said = send(&poster, &guarded).await;
            assert!(said.starts_with(expected), "{said}");
            assert_eq!(names.left(), left, "a connection asks once, and goes where that says");
        }
        assert!(!is_reached());

        let names = Names::of(&[PRIVATE]);
        let poster = Poster::looking_up(OwnAddresses::default(), names);
        let said = send(&poster, &webhook(&store, port, true)).await;
        assert!(is_reached(), "what may be connected to is: {said}");
    }

    /// A name whose answer changes, or has several addresses, gets a connection to none that isn't allowed.
    #[test]
    fn of_the_addresses_of_a_name_only_those_allowed_are_connected_to() {
        let rules = AddressRules { allow_private: false, own: OwnAddresses::default() };
        let look_up = |addresses: &[&str]| {
            let found = addresses.iter().map(|text| text.parse::<SocketAddr>().expect("an address"));
            allowed(found.collect::<Vec<_>>().into_iter(), &rules).map(Iterator::collect::<Vec<_>>)
        };
        let public = "8.8.8.8:80".parse().expect("an address");
        assert_eq!(look_up(&["8.8.8.8:80"]), Ok(vec![public]));
        assert_eq!(look_up(&["127.0.0.1:80", "8.8.8.8:80", "[::1]:80"]), Ok(vec![public]));
        assert!(matches!(look_up(&["127.0.0.1:80"]), Err(AddressRefused::Private(_))));
        assert!(matches!(look_up(&["10.0.0.1:80", "[fd00::1]:80"]), Err(AddressRefused::Private(_))));
    }
}
