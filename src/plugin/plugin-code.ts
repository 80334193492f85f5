// The code of a plugin as it travels to workers: plain data, made and checked apart from them. Its modules
// are bodies of functions, because functions can be forgotten and ES modules can't (docs/plugins.md).

/** One file of a plugin. */
export interface PluginModule {
  /** Absolute; names the file in stack traces. */
  readonly path: string;
  /** Body of a function of `$sluice` (ModuleScope) that returns a promise. */
  readonly code: string;
  /**
   * What it imports: the number of a module that stands before it, or the URL of what Node loads itself
   * (its own modules and packages) and keeps.
   */
  readonly imports: readonly (number | string)[];
}

/** All files of a plugin; the last one is the plugin itself. */
export type PluginCode = readonly PluginModule[];

/** Exports of a module by name. */
export type Namespace = Readonly<Record<string, unknown>>;

/** What the code of a module is called with. */
export interface ModuleScope {
  /** As `PluginModule.imports`. */
  readonly imports: readonly Namespace[];
  readonly meta: { readonly url: string; readonly filename: string; readonly dirname: string };
  /** What `export default` gave. */
  default: unknown;
  /** Called once at its end: where the value of each export is to be had. */
  provide(exports: Readonly<Record<string, () => unknown>>): void;
}
