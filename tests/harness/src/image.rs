//! The operator's image, built with buildah from the project's Dockerfile where nothing can be pulled.
//!
//! The last stage is the Dockerfile's own. What comes before it is stood in for: the builder's output
//! by a binary that was built beside it, the base image by one made of Debian packages that bears its
//! name. Where images can be pulled, `docker build .` does the same with the real ones.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fmt, fs};

use serde_json::Value;

use crate::cache;
use crate::files::{self, FileError, failed};
use crate::process;
use crate::progress;
use crate::project;
use crate::scratch::Scratch;

/// What pods hold their namespaces with.
const PAUSE: &str = "localhost/pause:1";

/// Ends at once when it is told to, and reaps what loses its parent.
const PAUSE_SOURCE: &str = r"#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int signal) { _exit(0); }
static void reap(int signal) { while (waitpid(-1, 0, WNOHANG) > 0); }
int main(void) {
    signal(SIGINT, end);
    signal(SIGTERM, end);
    signal(SIGCHLD, reap);
    for (;;) pause();
}
";

/// What the base image consists of, as far as the operator can tell: a C library, CA certificates, a
/// user. A few documents of packages are left out.
const BASE: &str = r#"
apt-get download base-files ca-certificates libc6 libgcc-s1 netbase tzdata
mkdir root
for package in ./*.deb; do dpkg-deb -x "$package" root; done
rm -r ./*.deb root/usr/share/doc root/usr/share/man root/usr/share/lintian
mkdir -p root/etc/ssl/certs root/home/nonroot
cat root/usr/share/ca-certificates/mozilla/*.crt > root/etc/ssl/certs/ca-certificates.crt
echo 'root:x:0:0:root:/root:/sbin/nologin' > root/etc/passwd
echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >> root/etc/passwd
tar --owner=0 --group=0 -C root -cf rootfs.tar .
rm -r root
"#;

/// Why an image could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A command failed.
    #[error("an image could not be built")]
    Command(#[from] process::Error),
    /// The cache is out of reach.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It takes more than it should.
    #[error("binary or image is too large; is it built with --release?\n{0}")]
    Large(Sizes),
    /// The Dockerfile does not say what its base is.
    #[error("the Dockerfile has no `ARG BASE_IMAGE=…`")]
    NoBase,
}

/// An image as a file.
#[derive(Debug)]
pub struct Archive {
    /// An OCI archive.
    pub path: PathBuf,
    /// What a registry would store and a node would pull.
    pub compressed_bytes: u64,
}

/// What users have to load and to keep in memory.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    binary: u64,
    image: u64,
}

const BINARY_LIMIT: u64 = 20_000_000;
const IMAGE_LIMIT: u64 = 30_000_000;

impl Sizes {
    /// Measures both.
    ///
    /// # Errors
    /// When the binary cannot be read.
    pub fn of(binary: &Path, image: &Archive) -> Result<Self, Error> {
        let metadata = fs::metadata(binary).map_err(failed("read", binary))?;
        Ok(Self {
            binary: metadata.len(),
            image: image.compressed_bytes,
        })
    }

    /// Fails when one is larger than was promised.
    ///
    /// # Errors
    /// [`Error::Large`].
    pub fn within_limits(self) -> Result<(), Error> {
        if self.binary > BINARY_LIMIT || self.image > IMAGE_LIMIT {
            return Err(Error::Large(self));
        }
        Ok(())
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |what, bytes, limit| {
            let [size, most] = [bytes, limit].map(|bytes: u64| (bytes + 50_000) / 100_000);
            format!(
                "{what:<17} {:>2}.{} MB, at most {} MB",
                size / 10,
                size % 10,
                most / 10
            )
        };
        writeln!(f, "{}", line("binary", self.binary, BINARY_LIMIT))?;
        f.write_str(&line("image, compressed", self.image, IMAGE_LIMIT))
    }
}

/// buildah's images, and the archives that were made of them; all of it goes with this value.
#[derive(Debug)]
pub struct Images {
    scratch: Scratch,
}

impl Images {
    /// An empty store.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn new() -> Result<Self, Error> {
        let scratch = Scratch::new()?;
        for folder in ["tmp", "context", "pause", "base"] {
            files::create_folder(&scratch.path().join(folder))?;
        }
        Ok(Self { scratch })
    }

    /// The image of the pause container, which kubelet wants.
    ///
    /// # Errors
    /// When there is no C compiler or no buildah.
    pub fn pause(&self) -> Result<Archive, Error> {
        let folder = self.folder("pause");
        files::write(&folder.join("pause.c"), PAUSE_SOURCE)?;
        let mut compile = Command::new("cc");
        compile.args(["-static", "-Os", "-s", "-o", "pause", "pause.c"]);
        self.run(compile.current_dir(&folder))?;
        let text = "FROM scratch\nCOPY pause /pause\nENTRYPOINT [\"/pause\"]\n";
        files::write(&folder.join("Dockerfile"), text)?;
        self.build(PAUSE, &[], &folder)?;
        self.save(PAUSE, "pause.tar")
    }

    /// The operator's image with this binary, by this name.
    ///
    /// # Errors
    /// When buildah or `apt-get download` fails.
    pub fn operator(&self, binary: &Path, name: &str, version: &str) -> Result<Archive, Error> {
        self.base()?;
        let root = project::root();
        let stage = self.folder("builder").join("out");
        files::create_folder(&stage)?;
        let target = stage.join("identity-pool-operator");
        fs::copy(binary, &target).map_err(failed("copy", binary))?;
        let builder = format!("builder={}", self.folder("builder").display());
        let file = root.join("Dockerfile");
        let file = file.to_string_lossy();
        let version = format!("VERSION={version}");
        let revision = format!("REVISION={}", revision());
        let more = [
            "--build-context",
            &builder,
            "--build-arg",
            &version,
            "--build-arg",
            &revision,
            "--file",
            &file,
        ];
        self.build(name, &more, &self.folder("context"))?;
        self.save(name, "identity-pool-operator.tar")
    }

    /// The base image, under the name that the Dockerfile knows it by.
    fn base(&self) -> Result<(), Error> {
        let dockerfile = files::read(&project::root().join("Dockerfile"))?;
        let mut lines = dockerfile.lines();
        let name = lines.find_map(|line| line.strip_prefix("ARG BASE_IMAGE="));
        let task = "making a base image of Debian packages";
        let key = format!("images/base-{}", cache::digest(&[BASE]));
        let made = cache::entry(&key, task, |folder| {
            progress::say(&format!("{task}; only the first time on a machine"));
            let mut script = Command::new("sh");
            script.args(["-euc", BASE]).current_dir(folder);
            process::run(&script, &folder.join("base.log"), task).map_err(Error::Command)
        })?;
        let folder = self.folder("base");
        let archive = made.join("rootfs.tar");
        fs::copy(&archive, folder.join("rootfs.tar")).map_err(failed("copy", &archive))?;
        // ADD unpacks it, and leaves everything root's.
        let text = "FROM scratch\nADD rootfs.tar /\nUSER 65532\n";
        files::write(&folder.join("Dockerfile"), text)?;
        self.build(name.ok_or(Error::NoBase)?, &[], &folder)
    }

    fn build(&self, name: &str, more: &[&str], context: &Path) -> Result<(), Error> {
        let mut command = self.buildah();
        command.args([
            "bud",
            "--isolation",
            "chroot",
            "--pull-never",
            "--tag",
            name,
        ]);
        self.run(command.args(more).arg(context))
    }

    fn save(&self, name: &str, file: &str) -> Result<Archive, Error> {
        let path = self.folder(file);
        let mut command = self.buildah();
        command.args(["push", "--format", "oci", name]);
        self.run(command.arg(format!("oci-archive:{}:{name}", path.display())))?;
        let inspect = self.folder("tmp").join("layers");
        let compressed_bytes = layers(&path, &inspect).map_err(failed("read", &path))?;
        Ok(Archive {
            path,
            compressed_bytes,
        })
    }

    /// With a store of its own, and nothing left in the machine's temporary folder.
    fn buildah(&self) -> Command {
        let mut command = Command::new("buildah");
        command.arg("--root").arg(self.folder("store"));
        command.arg("--runroot").arg(self.folder("run"));
        command.args(["--storage-driver", "vfs"]);
        command.env("TMPDIR", self.folder("tmp"));
        command
    }

    fn run(&self, command: &Command) -> Result<(), Error> {
        let log = self.folder("images.log");
        Ok(process::run(command, &log, "building an image")?)
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

/// The commit that is built, marked where files differ from it; what no repository knows is unknown.
fn revision() -> String {
    let root = project::root();
    // Root builds what somebody else may have cloned.
    let safe = format!("safe.directory={}", root.display());
    let mut git = Command::new("git");
    git.current_dir(root).args(["-c", &safe]);
    git.args([
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]);
    let said = git.output().ok().filter(|output| output.status.success());
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.unwrap_or_else(|| "unknown".to_owned())
}

/// The sum of the sizes of the layers in an OCI archive: its largest blobs are not all layers, but what
/// its manifest says is.
fn layers(archive: &Path, folder: &Path) -> std::io::Result<u64> {
    fs::create_dir_all(folder)?;
    let tar = Command::new("tar")
        .arg("-xf")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .status()?;
    if !tar.success() {
        return Err(std::io::Error::other("tar cannot unpack it"));
    }
    let json =
        |path: PathBuf| -> std::io::Result<Value> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
    let index = json(folder.join("index.json"))?;
    let digest = index["manifests"][0]["digest"].as_str().unwrap_or_default();
    let manifest = json(folder.join("blobs").join(digest.replace(':', "/")))?;
    let layers = manifest["layers"].as_array().map_or(&[][..], Vec::as_slice);
    let sum = layers
        .iter()
        .filter_map(|layer| layer["size"].as_u64())
        .sum();
    fs::remove_dir_all(folder)?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use crate::project;

    fn text(file: &str) -> String {
        std::fs::read_to_string(project::root().join(file)).unwrap()
    }

    #[test]
    fn the_label_says_the_commit_that_is_built() {
        let revision = super::revision();
        let commit = revision.trim_end_matches("-dirty");
        let is_commit = commit.len() == 40 && commit.chars().all(|char| char.is_ascii_hexdigit());
        let is_repository = project::root().join(".git").exists();
        assert!(is_commit || !is_repository, "{revision}");
    }

    #[test]
    fn the_label_says_the_version_that_is_built() {
        let line = format!("ARG VERSION={}\n", env!("CARGO_PKG_VERSION"));
        assert!(text("Dockerfile").contains(&line), "{line}");
    }

    #[test]
    fn the_layer_of_dependencies_knows_every_member_of_the_workspace() {
        let (dockerfile, manifest) = (text("Dockerfile"), text("Cargo.toml"));
        let members = manifest
            .lines()
            .find_map(|line| line.strip_prefix("members = "));
        let members: Vec<String> = serde_json::from_str(members.unwrap()).unwrap();
        assert!(!members.is_empty());
        for member in members {
            let copied = format!("COPY {member}/Cargo.toml {member}/\n");
            assert!(dockerfile.contains(&copied), "{copied}");
            assert!(
                dockerfile.contains(&format!(" {member}/src/lib.rs")),
                "{member}"
            );
        }
    }

    #[test]
    fn inside_and_outside_the_image_the_same_tools_build() {
        let (dockerfile, makefile) = (text("Dockerfile"), text("Makefile"));
        for (tool, variable) in [
            ("cargo-auditable", "CARGO_AUDITABLE_VERSION"),
            ("cargo-cyclonedx", "CARGO_CYCLONEDX_VERSION"),
        ] {
            let assignment = format!("{variable} := ");
            let version = makefile
                .lines()
                .find_map(|line| line.strip_prefix(&assignment));
            let installed = format!("{tool}@{}", version.unwrap());
            assert!(dockerfile.contains(&installed), "{installed}");
        }
    }
}
