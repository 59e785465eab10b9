//! Certificates from files and of our own making.

use std::path::Path;

use rcgen::{CertificateParams, KeyPair};

use super::{CertificateReload, Tls, TlsError, TlsFiles};
use crate::private_file::write_private;

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") }
}

/// A new certificate and key, in PEM.
fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["node.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn write(files: &TlsFiles, certificate: &str, key: &str) {
    write_private(&files.certificate, certificate.as_bytes()).unwrap();
    write_private(&files.key, key.as_bytes()).unwrap();
}

#[test]
fn a_renewed_certificate_is_taken_into_use() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let (certificate, key) = pair();
    write(&files, &certificate, &key);
    let tls = Tls::from_files(&files).unwrap();
    let old_pin = tls.pin();
    let mut reload = CertificateReload::new(tls.clone(), files.clone());
    assert!(!reload.look(), "nothing changed");

    // Longer than the old one, so that the change shows even where file times are coarse.
    let (certificate, key) = pair();
    write(&files, &format!("# renewed\n{certificate}"), &key);
    assert!(reload.look());
    assert_ne!(tls.pin(), old_pin);
}

#[test]
fn a_half_renewed_pair_leaves_the_old_one_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let (certificate, key) = pair();
    write(&files, &certificate, &key);
    let tls = Tls::from_files(&files).unwrap();
    let old_pin = tls.pin();
    let mut reload = CertificateReload::new(tls.clone(), files.clone());

    let (new_certificate, new_key) = pair();
    write_private(&files.certificate, format!("# renewed\n{new_certificate}").as_bytes()).unwrap();
    assert!(!reload.look());
    assert_eq!(tls.pin(), old_pin);

    write_private(&files.key, format!("# renewed\n{new_key}").as_bytes()).unwrap();
    assert!(reload.look(), "the second half completes it");
    assert_ne!(tls.pin(), old_pin);
}

#[test]
fn the_end_of_the_certificate_in_use_is_told_also_of_a_renewed_one() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let until = |year| {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec!["node.example".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(year, 3, 1);
        (parameters.self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let (certificate, key) = until(2031);
    write(&files, &certificate, &key);
    let tls = Tls::from_files(&files).unwrap();
    assert_eq!(tls.expires_at(), Some(1_930_089_600), "2031-03-01");
    let mut reload = CertificateReload::new(tls.clone(), files.clone());
    let (certificate, key) = until(2032);
    write(&files, &format!("# renewed\n{certificate}"), &key);
    assert!(reload.look());
    assert_eq!(tls.expires_at(), Some(1_961_712_000), "2032-03-01");
}

#[test]
fn a_self_signed_certificate_is_the_same_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("self-signed.pem");
    let names = vec!["node.example".to_owned(), "192.0.2.1".to_owned(), "2001:db8::1".to_owned()];
    let first = Tls::self_signed(&path, names.clone()).unwrap();
    assert_eq!(Tls::self_signed(&path, names).unwrap().pin(), first.pin());
    let other = Tls::self_signed(&folder.path().join("other.pem"), Vec::new()).unwrap();
    assert_ne!(other.pin(), first.pin());
}

#[test]
fn each_bad_file_is_named_with_what_it_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let (certificate, key) = pair();
    let (_, other_key) = pair();

    let missing = Tls::from_files(&files).unwrap_err();
    assert!(matches!(missing, TlsError::Unreadable { .. }), "{missing}");
    assert!(missing.to_string().contains("certificate.pem can't be read"), "{missing}");

    for (written_certificate, written_key, expected) in [
        ("", key.as_str(), "certificate.pem has no PEM certificate"),
        (key.as_str(), key.as_str(), "certificate.pem has no PEM certificate"),
        (certificate.as_str(), "", "key.pem has no private key in PEM"),
        (certificate.as_str(), certificate.as_str(), "key.pem has no private key in PEM"),
        (certificate.as_str(), other_key.as_str(), "can't be used together"),
    ] {
        write(&files, written_certificate, written_key);
        let error = Tls::from_files(&files).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
