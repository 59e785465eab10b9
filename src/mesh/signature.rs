//! Signed messages between nodes: RFC 9421 HTTP message signatures with ed25519, and RFC 9530 content digests.
//!
//! A request's signature covers `@method`, `@path`, `@query` and `content-digest`. Its parameters say who calls
//! (`keyid`), whom (`tag`), with which nonce of the callee, and for calls that change something a `serial`. An answer's
//! signature covers `@status`, `content-digest` and the request's signature (`"signature";req`), so it proves that this
//! node answered this very call.
//!
//! Invariants: what is verified is rebuilt from the message, never taken from the caller. There is one signature, named
//! `ods`, with exactly these components in this order; anything else is refused. No clock: no `created`, no `expires`.
//! Not here: whether a nonce or serial is good (`nonce.rs`), who may call (`serve.rs`).

use data_encoding::BASE64;
use ods_store::{NodeId, NodeKey, SIGNATURE_BYTES, verify_signature};
use sfv::{BareItem, Dictionary, FieldType as _, ListEntry, Parser};
use sha2::{Digest as _, Sha256};

const LABEL: &str = "ods";
const REQUEST_COMPONENTS: &str = r#"("@method" "@path" "@query" "content-digest")"#;
const ANSWER_COMPONENTS: &str = r#"("@status" "content-digest" "signature";req;key="ods")"#;
const ALGORITHM: &str = "ed25519";

/// Why a message's signature is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignatureError {
    /// A header is missing or not as RFC 9421 and this protocol want it.
    #[error("the {0} is missing or malformed")]
    Malformed(&'static str),
    /// The signature is not that of the named node over this message.
    #[error("the signature does not match the message")]
    Wrong,
}

/// The signed parts of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestParts<'a> {
    /// `GET` or `POST`.
    pub(super) method: &'a str,
    /// The path as sent.
    pub(super) path: &'a str,
    /// The query as sent, without `?`; empty if there is none.
    pub(super) query: &'a str,
    /// The `Content-Digest` header's value.
    pub(super) content_digest: &'a str,
}

/// What a request's signature says beside the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallParameters {
    /// Who calls.
    pub(super) caller: NodeId,
    /// Who is called.
    pub(super) callee: NodeId,
    /// A nonce that the callee issued.
    pub(super) nonce: String,
    /// A number used once, for calls that change something.
    pub(super) serial: Option<u64>,
}

/// The two headers of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignatureFields {
    /// The value of `Signature-Input`.
    pub(super) input: String,
    /// The value of `Signature`.
    pub(super) signature: String,
}

/// A signature's bytes, which an answer to the request covers.
pub(super) type SignatureBytes = [u8; SIGNATURE_BYTES];

/// The `Content-Digest` of a body (RFC 9530), also of an empty one.
pub(super) fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(body)))
}

/// Signs a request; also returns the bare signature, which the answer is checked against.
pub(super) fn sign_request(
    key: &NodeKey,
    parts: &RequestParts<'_>,
    parameters: &CallParameters,
) -> (SignatureFields, SignatureBytes) {
    let CallParameters { caller, callee, nonce, serial } = parameters;
    let mut input =
        format!(r#"{REQUEST_COMPONENTS};keyid="{caller}";alg="{ALGORITHM}";nonce="{nonce}";tag="{callee}""#);
    if let Some(serial) = serial {
        input.push_str(";serial=");
        input.push_str(&serial.to_string());
    }
    sign(key, &request_base(parts, &input), &input)
}

/// Checks a request's signature and says what it claims; the claims are true only of the key, not of any right.
pub(super) fn verify_request(
    parts: &RequestParts<'_>,
    fields: &SignatureFields,
) -> Result<(CallParameters, SignatureBytes), SignatureError> {
    let input = parse_input(&fields.input, REQUEST_COMPONENTS)?;
    let parameters = CallParameters {
        caller: input.node("keyid")?,
        callee: input.node("tag")?,
        nonce: input.text("nonce")?.to_owned(),
        serial: input.serial()?,
    };
    let signature = parse_signature(&fields.signature)?;
    check(&parameters.caller, &request_base(parts, &input.canonical), &signature)?;
    Ok((parameters, signature))
}

/// Signs an answer to the request with this signature.
pub(super) fn sign_answer(key: &NodeKey, status: u16, digest: &str, request: &SignatureBytes) -> SignatureFields {
    let input = format!(r#"{ANSWER_COMPONENTS};keyid="{}";alg="{ALGORITHM}""#, key.node_id());
    sign(key, &answer_base(status, digest, request, &input), &input).0
}

/// Checks that `callee` gave this answer to the request with this signature.
pub(super) fn verify_answer(
    callee: &NodeId,
    status: u16,
    digest: &str,
    request: &SignatureBytes,
    fields: &SignatureFields,
) -> Result<(), SignatureError> {
    let input = parse_input(&fields.input, ANSWER_COMPONENTS)?;
    if input.node("keyid")? != *callee {
        return Err(SignatureError::Wrong);
    }
    let signature = parse_signature(&fields.signature)?;
    check(callee, &answer_base(status, digest, request, &input.canonical), &signature)
}

fn sign(key: &NodeKey, base: &str, input: &str) -> (SignatureFields, SignatureBytes) {
    let signature = key.sign(base.as_bytes());
    let fields = SignatureFields {
        input: format!("{LABEL}={input}"),
        signature: format!("{LABEL}=:{}:", BASE64.encode(&signature)),
    };
    (fields, signature)
}

fn check(node: &NodeId, base: &str, signature: &SignatureBytes) -> Result<(), SignatureError> {
    verify_signature(node, base.as_bytes(), signature).map_err(|_| SignatureError::Wrong)
}

/// RFC 9421 §2.5, for a request.
fn request_base(parts: &RequestParts<'_>, input: &str) -> String {
    let RequestParts { method, path, query, content_digest } = parts;
    format!(
        "\"@method\": {method}\n\"@path\": {path}\n\"@query\": ?{query}\n\"content-digest\": {content_digest}\n\
         \"@signature-params\": {input}"
    )
}

/// RFC 9421 §2.5 and §2.4, for an answer.
fn answer_base(status: u16, digest: &str, request: &SignatureBytes, input: &str) -> String {
    format!(
        "\"@status\": {status}\n\"content-digest\": {digest}\n\"signature\";req;key=\"{LABEL}\": :{}:\n\
         \"@signature-params\": {input}",
        BASE64.encode(request)
    )
}

struct Input {
    parameters: sfv::Parameters,
    canonical: String,
}

impl Input {
    fn text(&self, name: &'static str) -> Result<&str, SignatureError> {
        self.parameters
            .get(name)
            .and_then(BareItem::as_string)
            .map(sfv::StringRef::as_str)
            .ok_or(SignatureError::Malformed(name))
    }

    fn node(&self, name: &'static str) -> Result<NodeId, SignatureError> {
        self.text(name)?.parse().map_err(|_| SignatureError::Malformed(name))
    }

    fn serial(&self) -> Result<Option<u64>, SignatureError> {
        let Some(item) = self.parameters.get("serial") else { return Ok(None) };
        let number = item.as_integer().and_then(|number| u64::try_from(i64::from(number)).ok());
        number.map(Some).ok_or(SignatureError::Malformed("serial"))
    }
}

/// Reads `ods=(components);parameters`, and its canonical form, which is what was signed.
fn parse_input(value: &str, components: &str) -> Result<Input, SignatureError> {
    const MALFORMED: SignatureError = SignatureError::Malformed("signature-input");
    let dictionary: Dictionary = Parser::new(value).parse().map_err(|_| MALFORMED)?;
    let text = dictionary.serialize().ok_or(MALFORMED)?;
    let canonical = text.strip_prefix(LABEL).and_then(|rest| rest.strip_prefix('=')).ok_or(MALFORMED)?;
    let parameters = match (dictionary.len(), dictionary.get_index(0)) {
        (1, Some((_, ListEntry::InnerList(list)))) => list.params.clone(),
        _ => return Err(MALFORMED),
    };
    if !canonical.strip_prefix(components).is_some_and(|rest| rest.starts_with(';')) {
        return Err(MALFORMED);
    }
    let input = Input { parameters, canonical: canonical.to_owned() };
    if input.text("alg")? == ALGORITHM { Ok(input) } else { Err(SignatureError::Malformed("alg")) }
}

fn parse_signature(value: &str) -> Result<SignatureBytes, SignatureError> {
    const MALFORMED: SignatureError = SignatureError::Malformed("signature");
    let dictionary: Dictionary = Parser::new(value).parse().map_err(|_| MALFORMED)?;
    let Some(ListEntry::Item(item)) = dictionary.get(LABEL) else { return Err(MALFORMED) };
    let bytes = item.bare_item.as_byte_sequence().ok_or(MALFORMED)?;
    bytes.try_into().map_err(|_| MALFORMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> NodeKey {
        NodeKey::from_secret([number; 32])
    }

    const DIGEST: &str = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

    fn parts() -> RequestParts<'static> {
        RequestParts { method: "POST", path: "/peer/v1/ping", query: "a=b", content_digest: DIGEST }
    }

    fn parameters() -> CallParameters {
        let (caller, callee) = (key(1).node_id(), key(2).node_id());
        CallParameters { caller, callee, nonce: "n-1_x".to_owned(), serial: Some(7) }
    }

    #[test]
    fn the_empty_body_has_a_digest() {
        assert_eq!(content_digest(b""), DIGEST);
    }

    #[test]
    fn a_signed_request_says_who_called_whom() {
        let (fields, signature) = sign_request(&key(1), &parts(), &parameters());
        assert_eq!(verify_request(&parts(), &fields), Ok((parameters(), signature)));
        let without_serial = CallParameters { serial: None, ..parameters() };
        let (fields, signature) = sign_request(&key(1), &parts(), &without_serial);
        assert_eq!(verify_request(&parts(), &fields), Ok((without_serial, signature)));
    }

    #[test]
    fn the_signature_base_is_that_of_rfc_9421() {
        let (fields, _) = sign_request(&key(1), &parts(), &parameters());
        let input = fields.input.strip_prefix("ods=").unwrap();
        let expected = format!(
            "\"@method\": POST\n\"@path\": /peer/v1/ping\n\"@query\": ?a=b\n\"content-digest\": {DIGEST}\n\
             \"@signature-params\": (\"@method\" \"@path\" \"@query\" \"content-digest\");keyid=\"{}\";\
             alg=\"ed25519\";nonce=\"n-1_x\";tag=\"{}\";serial=7",
            key(1).node_id(),
            key(2).node_id()
        );
        assert_eq!(request_base(&parts(), input), expected);
    }

    #[test]
    fn a_request_changed_in_any_signed_part_is_refused() {
        let (fields, _) = sign_request(&key(1), &parts(), &parameters());
        let other_digest = content_digest(b"x");
        for bent in [
            RequestParts { method: "GET", ..parts() },
            RequestParts { path: "/peer/v1/log", ..parts() },
            RequestParts { query: "", ..parts() },
            RequestParts { content_digest: &other_digest, ..parts() },
        ] {
            assert_eq!(verify_request(&bent, &fields), Err(SignatureError::Wrong), "{bent:?}");
        }
    }

    #[test]
    fn a_request_with_changed_parameters_is_refused() {
        let (fields, _) = sign_request(&key(1), &parts(), &parameters());
        let (other, callee) = (key(3).node_id().to_string(), key(2).node_id().to_string());
        for (from, to) in [("serial=7", "serial=8"), ("n-1_x", "n-2_x"), (callee.as_str(), other.as_str())] {
            let bent = SignatureFields { input: fields.input.replace(from, to), ..fields.clone() };
            assert_eq!(verify_request(&parts(), &bent), Err(SignatureError::Wrong), "{from} to {to}");
        }
    }

    #[test]
    fn malformed_headers_are_refused() {
        let (fields, _) = sign_request(&key(1), &parts(), &parameters());
        let inputs = [
            String::new(),
            "ods".to_owned(),
            "ods=1".to_owned(),
            fields.input.replace("ods=", "sig1="),
            fields.input.replace("\"@query\" ", ""),
            fields.input.replace("ed25519", "rsa-v1_5-sha256"),
            fields.input.replace(";serial=7", ";serial=-7"),
            fields.input.replace(";serial=7", ";serial=\"7\""),
            fields.input.replace("nonce", "nunce"),
            format!("{}, {}", fields.input, fields.input.replace("ods=", "two=")),
            "x".repeat(10_000),
        ];
        for input in inputs {
            let bent = SignatureFields { input, ..fields.clone() };
            assert!(matches!(verify_request(&parts(), &bent), Err(SignatureError::Malformed(_))), "{bent:?}");
        }
        for signature in ["", "ods=", "ods=:AAAA:", "other=:AAAA:", "ods=:%%:"] {
            let bent = SignatureFields { signature: signature.to_owned(), ..fields.clone() };
            assert_eq!(verify_request(&parts(), &bent), Err(SignatureError::Malformed("signature")), "{signature}");
        }
    }

    #[test]
    fn an_answer_is_bound_to_its_request_and_node() {
        let callee = key(2).node_id();
        let fields = sign_answer(&key(2), 200, DIGEST, &[5; 64]);
        assert_eq!(verify_answer(&callee, 200, DIGEST, &[5; 64], &fields), Ok(()));
        assert_eq!(verify_answer(&callee, 403, DIGEST, &[5; 64], &fields), Err(SignatureError::Wrong));
        assert_eq!(verify_answer(&callee, 200, &content_digest(b"x"), &[5; 64], &fields), Err(SignatureError::Wrong));
        assert_eq!(verify_answer(&callee, 200, DIGEST, &[6; 64], &fields), Err(SignatureError::Wrong));
        assert_eq!(verify_answer(&key(3).node_id(), 200, DIGEST, &[5; 64], &fields), Err(SignatureError::Wrong));
        let forged = sign_answer(&key(3), 200, DIGEST, &[5; 64]);
        let relabelled = SignatureFields {
            input: forged.input.replace(&key(3).node_id().to_string(), &callee.to_string()),
            ..forged
        };
        assert_eq!(verify_answer(&callee, 200, DIGEST, &[5; 64], &relabelled), Err(SignatureError::Wrong));
    }
}
