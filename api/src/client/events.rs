//! Following the journal: server-sent events (HTML Living Standard, section 9.2), as a node sends them.

use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Method, Response, Url};
use serde::Deserialize;

use super::{Client, ClientError};
use crate::types::{RecordView, StreamQuery};

/// A node sends at least a comment every 15 s.
const STALL: Duration = Duration::from_mins(1);
/// Bytes of one event; a record has a few KB.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// What comes from a journal that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// A record.
    Record(RecordView),
    /// No record: where to go on from.
    Place {
        /// The last record that was looked at.
        lsn: u64,
    },
    /// The place asked for is not in the journal (pruned, or beyond all that there is): records from `head` on follow.
    Reset {
        /// The newest record.
        head: u64,
    },
}

/// A journal that is followed. When it ends or breaks, follow again behind the last LSN that came, be it a record's or a place.
pub struct EventStream {
    response: Response,
    server: Url,
    parser: Parser,
}

impl Client {
    /// `GET /events/stream`: the records after the query's `after`, and then each as it happens; only new ones if it is
    /// `None`.
    pub async fn follow(&self, query: &StreamQuery) -> Result<EventStream, ClientError> {
        let mut request = self.request(Method::GET, "/api/v1/events/stream").header(ACCEPT, "text/event-stream");
        if let Some(after) = query.after {
            request = request.header("last-event-id", after);
        }
        request = request.query(&StreamQuery { after: None, ..query.clone() });
        let response = self.send(request).await?;
        Ok(EventStream { response, server: self.server.clone(), parser: Parser::default() })
    }
}

impl EventStream {
    /// What comes next; `None` when the node ends the stream, as it does when it stops.
    pub async fn next(&mut self) -> Result<Option<Followed>, ClientError> {
        loop {
            while let Some(event) = self.parser.next_event() {
                if let Some(followed) = self.decode(&event)? {
                    return Ok(Some(followed));
                }
            }
            let chunk = match tokio::time::timeout(STALL, self.response.chunk()).await {
                Ok(chunk) => chunk.map_err(|source| ClientError::transport(&self.server, source))?,
                Err(_) => {
                    return Err(ClientError::Stalled { server: self.server.to_string(), seconds: STALL.as_secs() });
                }
            };
            let Some(chunk) = chunk else { return Ok(None) };
            self.parser.buffer.extend_from_slice(&chunk);
            if self.parser.buffer.len() > EVENT_BYTES_MAX {
                return Err(ClientError::TooLong {
                    server: self.server.to_string(),
                    bytes_max: EVENT_BYTES_MAX as u64,
                });
            }
        }
    }

    fn decode(&self, event: &Event) -> Result<Option<Followed>, ClientError> {
        #[derive(Deserialize)]
        struct Reset {
            head: u64,
        }
        if event.data.is_empty() {
            return Ok(event.id.parse().ok().map(|lsn| Followed::Place { lsn }));
        }
        let decoded = if event.name == "reset" {
            serde_json::from_str::<Reset>(&event.data).map(|reset| Followed::Reset { head: reset.head })
        } else {
            serde_json::from_str(&event.data).map(Followed::Record)
        };
        decoded.map(Some).map_err(|source| ClientError::NotUnderstood { server: self.server.to_string(), source })
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    id: String,
    name: String,
    data: String,
}

/// Takes bytes as they come and gives whole events. Lines end with `\n`, as a node writes them.
#[derive(Debug, Default)]
struct Parser {
    buffer: Vec<u8>,
}

impl Parser {
    fn next_event(&mut self) -> Option<Event> {
        let end = self.buffer.windows(2).position(|pair| pair == b"\n\n")?;
        let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
        let mut event = Event::default();
        for line in String::from_utf8_lossy(&block).lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => value.clone_into(&mut event.id),
                "event" => value.clone_into(&mut event.name),
                "data" => event.data.push_str(value),
                _ => {}
            }
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_the_bytes_arrive() {
        let text = b": keep-alive\n\nid: 7\nevent: reset\ndata: {\"head\":7}\n\nid: 8\nevent: peer.up\ndata: {}\n\nid: 9\n: on\n\n";
        let expected = [("", "", ""), ("7", "reset", "{\"head\":7}"), ("8", "peer.up", "{}"), ("9", "", "")];
        for step in [1, 2, 3, 7, text.len()] {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for chunk in text.chunks(step) {
                parser.buffer.extend_from_slice(chunk);
                events.extend(std::iter::from_fn(|| parser.next_event()));
            }
            let events: Vec<_> = events.iter().map(|e| (e.id.as_str(), e.name.as_str(), e.data.as_str())).collect();
            assert_eq!(events, expected, "{step} bytes at a time");
        }
    }
}
