//! Events as somebody signs them who has a node's key and heeds none of what a node does.

use crate::event::{Body, Event, Header, SignedEvent};
use crate::keys::NodeKey;

/// An event with this header, of this body, as that key signs it.
pub fn sign_event(key: &NodeKey, header: &Header, body: &Body) -> SignedEvent {
    Event::mint(key, header, body)
}
