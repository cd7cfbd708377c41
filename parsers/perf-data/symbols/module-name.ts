/**
 * Name of a mapped object as a stack frame shows it, '' for the kernel itself: `libc.so.6` for its path, `lab` for `[lab]` and
 * for `/lib/modules/6.12.0/extra/lab.ko.xz`, `vdso` for `[vdso]`, `anon` for `//anon`.
 */
export function moduleName(file: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(file)?.[1];
  if (bracketed !== undefined) return bracketed === 'kernel' || bracketed.startsWith('kernel.') ? '' : bracketed;
  const base = file.slice(file.lastIndexOf('/') + 1);
  const module = /^(.*)\.ko(\.(gz|xz|zst|debug))?$/.exec(base)?.[1];
  if (module !== undefined) return module.replaceAll('-', '_');
  return /^(vmlinux|vmlinuz|kcore)\b/.test(base) ? '' : base;
}
