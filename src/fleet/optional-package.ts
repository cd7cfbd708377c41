/** Packages that only some users need: a clear line when one is not there. */
import { FleetError } from './sink.ts';

/**
 * @param purpose what needs it: `reports from a Parquet lake`
 * @throws FleetError that says how to install it
 */
export async function optionalPackage<T>(load: () => Promise<T>, spec: string, purpose: string): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new FleetError(`${purpose} need the package ${spec}, which is not installed; run: npm install ${spec}`);
  }
}
