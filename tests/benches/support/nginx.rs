//! nginx as Debian has it: sendfile, its own defaults otherwise, and PUT.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::bench::{Bench, write_file};
use super::process::{Server, is_root};

/// A running nginx that serves a folder over HTTP and HTTPS, and takes PUT.
#[derive(Debug)]
pub(crate) struct Nginx {
    server: Server,
    folder: PathBuf,
    port: u16,
    tls_port: u16,
}

impl Nginx {
    /// Starts one with an empty folder. `identity` is a PEM file with a certificate and its key.
    pub(crate) fn start(bench: &Bench, name: &str, identity: &Path) -> Self {
        let (own, folder) = (bench.folder(name), bench.folder(&format!("{name}/files")));
        let (port, tls_port) = (Bench::free_port(), Bench::free_port());
        let config = own.join("nginx.conf");
        write_file(&config, &configuration(&own, identity, port, tls_port));
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&own).arg("-c").arg(config).arg("-e").arg(own.join("error.log"));
        let server = Server::start(&mut command, port, &own.join("nginx.log"));
        Self { server, folder, port, tls_port }
    }

    /// Starts one in a network namespace, on port 8080 there, plain and for reading only; it is reached at `address`.
    pub(crate) fn start_in(bench: &Bench, name: &str, namespace: &str, address: &str) -> Self {
        const PORT: u16 = 8080;
        let (own, folder) = (bench.folder(name), bench.folder(&format!("{name}/files")));
        let (config, at) = (own.join("nginx.conf"), own.display());
        let user = if is_root() { "user root;" } else { "" };
        write_file(
            &config,
            &format!(
                "daemon off; {user} pid {at}/nginx.pid; error_log {at}/error.log;\nevents {{ }}\n\
                 http {{ sendfile on; tcp_nopush on; access_log off; server {{ listen {PORT}; root {at}/files; }} }}\n"
            ),
        );
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, "nginx", "-p"]).arg(&own).arg("-c").arg(config);
        command.arg("-e").arg(own.join("error.log"));
        let server = Server::start_at(&mut command, &format!("{address}:{PORT}"), &own.join("nginx.log"));
        Self { server, folder, port: PORT, tls_port: 0 }
    }

    /// The process.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Where its files lie.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL of a file.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// The same over TLS.
    pub(crate) fn tls_url(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}/{name}", self.tls_port)
    }
}

/// A worker for each core and an access log, as Debian sets it up and as ODS has it; sendfile; buffers and times as they are.
fn configuration(own: &Path, identity: &Path, port: u16, tls_port: u16) -> String {
    // Root's workers would become www-data, who may not read what lies below a home.
    let user = if is_root() { "user root;" } else { "" };
    let (own, identity) = (own.display(), identity.display());
    format!(
        "daemon off; {user} worker_processes auto; pid {own}/nginx.pid; error_log {own}/error.log;\n\
         events {{ worker_connections 768; }}\n\
         http {{\n\
         sendfile on; tcp_nopush on; access_log {own}/access.log; client_max_body_size 0; keepalive_requests 1000000000;\n\
         client_body_temp_path {own}/body; proxy_temp_path {own}/proxy; fastcgi_temp_path {own}/fastcgi;\n\
         uwsgi_temp_path {own}/uwsgi; scgi_temp_path {own}/scgi;\n\
         server {{\n\
         listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl;\n\
         ssl_certificate {identity}; ssl_certificate_key {identity}; ssl_protocols TLSv1.2 TLSv1.3;\n\
         root {own}/files; dav_methods PUT;\n\
         }}\n\
         }}\n"
    )
}
