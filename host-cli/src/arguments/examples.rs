//! What stands below the options in the help texts.

pub(super) const ALL: &str = "\
Examples:
  mdd-host status                     what there is, and what helps where something is wrong
  mdd-host watch                      the same on one screen, all the time
  mdd-host jobs submit workflow.json --kind KIND --wait

Exit codes: 0 done, 1 failed, 2 called wrongly, 3 what was looked at is not in order";

pub(super) const STATUS: &str = "\
Examples:
  mdd-host status --wait 60 --exit-code && ./render.sh
  mdd-host status --json | jq -r '.backends[] | \"\\(.title) \\(.state)\"'
  mdd-host status --follow
  mdd-host status --backend KIND=192.168.1.20:8188";

pub(super) const DOCTOR: &str = "\
Examples:
  mdd-host doctor
  mdd-host doctor --json | jq '.findings[] | select(.verdict == \"problem\")'";

pub(super) const DRIVERS: &str = "\
Examples:
  mdd-host drivers list --why
  mdd-host drivers check libmdd_driver_lamp.so
  mdd-host drivers new lamp";

pub(super) const DRIVERS_CHECK: &str = "\
Example:
  mdd-host drivers check target/debug/libmdd_driver_lamp.so";

pub(super) const BACKENDS: &str = "\
Examples:
  mdd-host backends list
  mdd-host backends add KIND 192.168.1.20:8188
  mdd-host backends try KIND@192.168.1.20:8188
  mdd-host backends disable KIND@192.168.1.20:8188";

pub(super) const BACKENDS_TEST: &str = "\
Example:
  mdd-host backends test 192.168.1.20:8188 --kind KIND";

pub(super) const CONFIG: &str = "\
Examples:
  mdd-host config show
  mdd-host config set idle_minutes 30
  pass show my-key | mdd-host config set backends.KIND.key -";

pub(super) const JOBS: &str = "\
Examples:
  mdd-host jobs submit workflow.json --kind KIND --wait
  mdd-host jobs list
  mdd-host jobs open JOB";

pub(super) const JOBS_SUBMIT: &str = "\
Examples:
  mdd-host jobs submit workflow.json --kind KIND --wait
  mdd-host jobs submit workflow.json --kind KIND --file photo.png=/shots/photo.png
  mdd-host jobs submit '{\"prompt\": \"rain\"}' --kind KIND --json | jq -r .id";

pub(super) const METRICS: &str = "\
Examples:
  mdd-host metrics
  mdd-host config set metrics.port 9464    lets Prometheus read them at this port of this machine";

pub(super) const SERVE: &str = "\
Example:
  mdd-host serve -v --idle-exit 600";

pub(super) const COMPLETIONS: &str = "\
Examples:
  mdd-host completions bash > ~/.local/share/bash-completion/completions/mdd-host
  mdd-host completions zsh > ~/.zfunc/_mdd-host
  mdd-host completions fish > ~/.config/fish/completions/mdd-host.fish
  mdd-host completions powershell >> $PROFILE";

pub(super) const MAN: &str = "\
Example:
  mdd-host man ~/.local/share/man/man1 && man mdd-host-jobs-submit";
