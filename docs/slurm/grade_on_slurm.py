"""Grade a class on a Slurm cluster: start workers as jobs, run `autograder grade`, end the jobs.

    python docs/slurm/grade_on_slurm.py --jobs 10 --cores 8 -- ps3 --force

Run it in the course's top folder, in the environment that the jobs see too, on a machine that the jobs can reach.
Needs dask-jobqueue. See docs/cluster.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys


def main() -> int:
    """Returns the exit code of `autograder grade`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=4, help="how many Slurm jobs (default: 4)")
    parser.add_argument("--cores", type=int, default=8, help="cores of each, and submissions at once (default: 8)")
    parser.add_argument("--gigabytes", type=int, help="memory of each (default: 1.5 for each core)")
    parser.add_argument("--time", default="02:00:00", help="the jobs' time limit (default: 02:00:00)")
    parser.add_argument("--queue", help="Slurm's partition")
    parser.add_argument("--account", help="Slurm's account")
    parser.add_argument("--interface", help="network interface that all machines share, such as ib0")
    parser.add_argument("grade", nargs="+", help="what `autograder grade` gets")
    given = parser.parse_args()
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        print("dask-jobqueue is not installed: pip install dask-jobqueue", file=sys.stderr)
        return 10
    with SLURMCluster(
        queue=given.queue,
        account=given.account,
        cores=given.cores,
        processes=given.cores,  # one thread for each worker
        memory=f"{given.gigabytes or 1.5 * given.cores} GB",
        walltime=given.time,
        interface=given.interface,
        python=sys.executable,
    ) as cluster:
        cluster.scale(jobs=given.jobs)
        print(f"waiting for the first of {given.jobs} jobs", file=sys.stderr)
        cluster.wait_for_workers(1)
        command = [sys.executable, "-m", "autograder", "grade", *given.grade]
        return subprocess.run([*command, "--scheduler", cluster.scheduler_address]).returncode


if __name__ == "__main__":
    sys.exit(main())
