export {
  type CertificateRequest,
  certificateEnd,
  certificateFile,
  endsWithin,
  hasCertificate,
  isoText,
  issueCertificate,
  listCertificates,
  parseEnd,
} from './certificates.ts';
