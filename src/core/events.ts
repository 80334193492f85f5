// What a process tells its operator, one structured line each; observe/events writes them.

/** Plain data about the event; never credentials, never raw header fields of a request. */
export type EventFields = Readonly<Record<string, unknown>>;

/** Severities: debug for developers, info for what is normal, warn for what heals, error for what does not. */
export interface Events {
  debug(fields: EventFields, message: string): void;
  info(fields: EventFields, message: string): void;
  warn(fields: EventFields, message: string): void;
  error(fields: EventFields, message: string): void;
}
