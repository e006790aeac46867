//! Certificates of our own, made by a real openssl.

use std::process::Command;

use tempfile::TempDir;

/// A root (`root.pem`), and a certificate for `localhost` that it has signed: `server.pem`, `server.key`, and both in
/// `server.both`. They go with it.
pub struct Certificates(TempDir);

impl Certificates {
    pub fn new() -> Certificates {
        let made = Certificates(tempfile::tempdir().unwrap());
        std::fs::write(made.file("names"), "subjectAltName=DNS:localhost\n").unwrap();
        made.openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 2 -subj /CN=root",
        );
        made.openssl("req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
        made.openssl(
            "x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -out server.pem -days 2 -extfile names",
        );
        let text = |name| std::fs::read_to_string(made.file(name)).unwrap();
        std::fs::write(made.file("server.both"), text("server.pem") + &text("server.key")).unwrap();
        made
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn openssl(&self, words: &str) {
        let done = Command::new("openssl").args(words.split(' ')).current_dir(self.0.path()).output();
        let done = done.expect("openssl is needed: scripts/test.sh installs it");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}
