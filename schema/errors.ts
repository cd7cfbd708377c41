/** The errors that callers may expect. Anything else that is thrown is a defect of quiesce. */

/** Common class of all of them. `message` is one line, for people: it names the place, what was expected and what to do. */
export class QuiesceError extends Error {
  override readonly name: string = 'QuiesceError';
}

/** The request cannot be met as it stands: an unknown name, an instant outside the run, options that do not go together. */
export class RequestError extends QuiesceError {
  override readonly name: string = 'RequestError';
}

/** A capture cannot be used at all. The command line ends with status 3. */
export class CaptureError extends QuiesceError {
  override readonly name = 'CaptureError';
}
