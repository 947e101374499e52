# What green-job.yaml runs beside your job: wattshed, kubectl and green-start. From the repository root, after npm run build:
#   docker build -f deploy/kubernetes/green.Dockerfile -t registry.example.org/wattshed-green .
FROM node:24-slim
ARG KUBECTL_VERSION=v1.34.2
ARG TARGETARCH=amd64
ADD --chmod=755 https://dl.k8s.io/release/${KUBECTL_VERSION}/bin/linux/${TARGETARCH}/kubectl /usr/local/bin/kubectl
COPY --chmod=755 dist/wattshed.mjs /opt/wattshed/wattshed.mjs
COPY --chmod=755 deploy/kubernetes/green-start.sh /usr/local/bin/green-start
RUN ln -s /opt/wattshed/wattshed.mjs /usr/local/bin/wattshed
USER 1000
ENTRYPOINT ["green-start"]
