# Read by the job scripts of this folder (bash). Needs #SBATCH --signal=B:USR1@... and --requeue.

# Runs a command as the job's step, once per task. At the time limit, asks it to stop in good order, then requeues the
# job, which goes on from what is saved. After a failure that may pass (guie's exit code 75: a process, a node or the
# network was lost; a killed task: 128 and more) it requeues the job, too, until that has happened GUIE_REQUEUES times.
run_step() {
  # The number of an array's job names all its tasks
  job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
  job=${job:-$SLURM_JOB_ID}
  local step code limit=
  trap 'limit=yes; scancel --signal=TERM "$job"' USR1 # without --batch, scancel signals the steps only
  [ -z "${SLURM_CPUS_PER_TASK:-}" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK # srun does not inherit it
  # --kill-on-bad-exit=0, --wait: the tasks of a run end together and give the reason; what is left is killed
  srun --kill-on-bad-exit=0 --wait=40 "$@" &
  step=$!
  while true; do
    code=0
    wait "$step" || code=$? # USR1 ends `wait`, not the step
    kill -0 "$step" 2>/dev/null || break
  done
  if [ -n "$limit" ]; then
    requeue "stopped before its time limit"
  elif [ "$code" -ge 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "${GUIE_REQUEUES:-10}" ]; then
    requeue "failed with exit code $code, which may pass"
  fi
  return "$code"
}

requeue() {
  echo "job $job: $1: requeued (start $((${SLURM_RESTART_COUNT:-0} + 2)) follows)"
  scontrol requeue "$job"
  sleep 60 # Slurm ends this script
}
