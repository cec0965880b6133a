//! skeleton
use std::path::PathBuf;
use harness::image::Images;
use harness::node::{self, Node};
use harness::tools::NodeTools;
fn main() {
    if let Some(o) = node::obstacle() { println!("SKIP {o}"); return; }
    node::install_packages().unwrap();
    let tools = NodeTools::find_or_build().unwrap();
    let images = Images::new().unwrap();
    let t = std::time::Instant::now();
    let pause = images.pause().unwrap();
    println!("pause {:?} {:?}", pause, t.elapsed());
    let binary = PathBuf::from(std::env::args().nth(1).unwrap());
    let op = images.operator(&binary, "localhost/identity-pool-operator:e2e", "0.1.0").unwrap();
    println!("op {:?} {:?}", op, t.elapsed());
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let node = match Node::start(tools, &[pause.path, op.path]).await { Ok(n) => n, Err(e) => { eprintln!("{}", harness::causes::with_causes(&e)); std::process::exit(1) } };
        println!("ready {:?}", t.elapsed());
        println!("{}", node.entrance());
        let sh = |c: &str| { let mut k = node.kubectl(); k.args(c.split_whitespace()); println!("$ {c}"); k.status().unwrap(); };
        sh("get nodes -o wide");
        sh("create deployment pause --image=localhost/pause:1 --replicas=2");
        sh("rollout status deployment/pause --timeout=60s");
        sh("get pods -A -o wide");
        println!("pods {:?}", t.elapsed());
        if std::env::var_os("KEEP").is_some() { let _ = std::io::stdin().read_line(&mut String::new()); }
    });
    println!("end {:?}", t.elapsed());
}
