// Lets jobs run one after the other: reloads and changes of peers both roll out what runs.

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `job` when all jobs before it have ended, well or not; settles like it. */
  take<Result>(job: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(job, job);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
