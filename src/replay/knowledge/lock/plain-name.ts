/** Class names without `#2` and `/1`, which two runs number differently and events do not carry (L5.4). */
export const plainLock = (name: string): string => name.replace(/[#/]\d+/g, '');
